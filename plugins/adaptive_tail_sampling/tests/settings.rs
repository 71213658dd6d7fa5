//! Every mistake in the settings is told, with its place.

use serde_json::{Value, json};

use crate::support::{all, problems, settings};

fn rule(sampler: Value) -> Value {
    settings(json!([{"name": "r", "sampler": sampler}]), json!({}))
}

/// One mistake: its place, and a part of what it says.
#[track_caller]
fn assert_mistake(settings: Value, path: &str, says: &str) {
    let found = problems(settings);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, path, "{found:?}");
    assert!(found[0].1.contains(says), "{found:?}");
}

#[test]
fn the_collectors_defaults_are_ours() {
    assert_eq!(problems(settings(all(), json!({}))), []);
    assert_eq!(
        problems(settings(
            all(),
            json!({
                "trace_timeout": "30s",
                "decision_delay": "2s",
                "num_traces": 50000,
                "span_limit": 10000,
                "decision_cache": {"sampled_cache_size": 10000, "non_sampled_cache_size": 10000},
                "root_span_condition": "IsRootSpan()",
                "record_fingerprint": "none",
                "eviction": {"policy": "evaluate"},
            })
        )),
        []
    );
}

#[test]
fn times_and_sizes_are_checked() {
    for (more, path, says) in [
        (json!({"trace_timeout": "0s"}), "/trace_timeout", "above 0"),
        (
            json!({"decision_delay": "-1s"}),
            "/decision_delay",
            "above 0",
        ),
        (json!({"num_traces": 0}), "/num_traces", "between 1"),
        (
            json!({"decision_cache": {"sampled_cache_size": 1_000_000_000}}),
            "/decision_cache/sampled_cache_size",
            "between 0",
        ),
        (
            json!({"record_fingerprint": "hashed"}),
            "/record_fingerprint",
            "did you mean `hash`?",
        ),
        (
            json!({"root_span_condition": "IsRoot()"}),
            "/root_span_condition",
            "no function IsRoot",
        ),
        (
            json!({"fleet_tracker": "members"}),
            "/fleet_tracker",
            "not supported",
        ),
        (
            json!({"eviction": {"policy": "oldest"}}),
            "/eviction/policy",
            "evaluate or probabilistic",
        ),
        (
            json!({"eviction": {"policy": "probabilistic"}}),
            "/eviction/sampling_percentage",
            "needed",
        ),
        (
            json!({"eviction": {"policy": "probabilistic", "sampling_percentage": 101}}),
            "/eviction/sampling_percentage",
            "at most 100",
        ),
        (
            json!({"eviction": {"sampling_percentage": 10}}),
            "/eviction/sampling_percentage",
            "probabilistic",
        ),
        (
            json!({"overload": {"activation_level": 0}}),
            "/overload/activation_level",
            "above 0",
        ),
        (
            json!({"overload": {"activation_level": 50, "deactivation_level": 60}}),
            "/overload/deactivation_level",
            "between 0 and activation_level, which is 50",
        ),
        (
            json!({"overload": {"minimum_activation_duration": "-1s"}}),
            "/overload/minimum_activation_duration",
            "negative",
        ),
        (
            json!({"overload": {"sampling_percentage": 0}}),
            "/overload/sampling_percentage",
            "above 0",
        ),
    ] {
        assert_mistake(settings(all(), more), path, says);
    }
}

#[test]
fn rules_are_checked() {
    let sampler = json!({"type": "always_sample"});
    for (rules, path, says) in [
        (json!([]), "/rules", "at least one"),
        (json!([{"sampler": sampler}]), "/rules/0/name", "name"),
        (
            json!([{"name": "_mine", "sampler": sampler}]),
            "/rules/0/name",
            "begin with _",
        ),
        (
            json!([{"name": "a", "conditions": ["true"], "sampler": sampler}, {"name": "a", "sampler": sampler}]),
            "/rules/1/name",
            "earlier rule",
        ),
        (
            json!([{"name": "a", "match": "same_span", "sampler": sampler}]),
            "/rules/0/match",
            "without conditions",
        ),
        (
            json!([{"name": "a", "match": "same_spam", "conditions": ["true"], "sampler": sampler}]),
            "/rules/0/match",
            "did you mean `same_span`?",
        ),
        (
            json!([{"name": "a", "conditions": ["true", "span.nme == \"x\""], "sampler": sampler}]),
            "/rules/0/conditions/1",
            "did you mean `name`?",
        ),
        (
            json!([{"name": "a", "match": "same_span", "conditions": ["true", "kind =="], "sampler": sampler}]),
            "/rules/0/conditions/1",
            "",
        ),
    ] {
        assert_mistake(settings(rules, json!({})), path, says);
    }
}

#[test]
fn samplers_are_checked() {
    let attributes = json!(["resource.attributes[\"service.name\"]"]);
    for (sampler, key, says) in [
        (json!({}), "type", "needs a type"),
        (
            json!({"type": "probabalistic"}),
            "type",
            "did you mean `probabilistic`?",
        ),
        (
            json!({"type": "deterministic_sampler_of_ours"}),
            "type",
            "there are always_sample",
        ),
        (
            json!({"type": "always_sample", "sampling_percentage": 1}),
            "sampling_percentage",
            "always_sample does not use it",
        ),
        (
            json!({"type": "probabilistic"}),
            "sampling_percentage",
            "is missing",
        ),
        (
            json!({"type": "probabilistic", "sampling_percentage": 0}),
            "sampling_percentage",
            "above 0",
        ),
        (
            json!({"type": "adaptive_percentage", "fingerprint_attributes": attributes}),
            "goal_percentage",
            "is missing",
        ),
        (
            json!({"type": "adaptive_percentage", "goal_percentage": 10}),
            "fingerprint_attributes",
            "is missing",
        ),
        (
            json!({"type": "adaptive_percentage", "goal_percentage": 10, "fingerprint_attributes": attributes, "algorithm": "windowed"}),
            "algorithm",
            "adaptive_throughput's",
        ),
        (
            json!({"type": "adaptive_percentage", "goal_percentage": 10, "fingerprint_attributes": ["service.name"]}),
            "fingerprint_attributes/0",
            "any.attributes",
        ),
        (
            json!({"type": "adaptive_percentage", "goal_percentage": 10, "fingerprint_attributes": attributes, "weight": 1}),
            "weight",
            "below 1",
        ),
        (
            json!({"type": "adaptive_percentage", "goal_percentage": 10, "fingerprint_attributes": attributes, "max_keys": 1_000_000}),
            "max_keys",
            "at most 100000",
        ),
        (
            json!({"type": "adaptive_percentage", "goal_percentage": 10, "fingerprint_attributes": attributes, "adjustment_interval": "-1s"}),
            "adjustment_interval",
            "negative",
        ),
        (
            json!({"type": "adaptive_throughput", "fingerprint_attributes": attributes}),
            "goal_throughput",
            "is missing",
        ),
        (
            json!({"type": "adaptive_throughput", "goal_throughput": 5, "fingerprint_attributes": attributes, "update_frequency": "1s"}),
            "update_frequency",
            "ema does not use it",
        ),
        (
            json!({"type": "adaptive_throughput", "goal_throughput": 5, "fingerprint_attributes": attributes, "algorithm": "windowed", "weight": 0.1}),
            "weight",
            "windowed does not use it",
        ),
        (
            json!({"type": "adaptive_throughput", "goal_throughput": 5, "fingerprint_attributes": attributes, "algorithm": "window"}),
            "algorithm",
            "ema or windowed",
        ),
        (
            json!({"type": "adaptive_throughput", "goal_throughput": 5, "fingerprint_attributes": attributes, "algorithm": "windowed", "update_frequency": "10s", "lookback_frequency": "5s"}),
            "lookback_frequency",
            "shorter",
        ),
        (
            json!({"type": "adaptive_throughput", "goal_throughput": 5, "fingerprint_attributes": attributes, "algorithm": "windowed", "lookback_frequency": "1h"}),
            "lookback_frequency",
            "3600 steps for each of 500 fingerprints",
        ),
        (
            json!({"type": "adaptive_throughput", "goal_throughput": 5, "fingerprint_attributes": attributes, "initial_sampling_percentage": 0}),
            "initial_sampling_percentage",
            "above 0",
        ),
        (
            json!({"type": "adaptive_throughput", "goal_throughput": 5, "fingerprint_attributes": attributes, "shared_counters": {"extension": "redis"}}),
            "shared_counters",
            "not supported",
        ),
    ] {
        assert_mistake(rule(sampler), &format!("/rules/0/sampler/{key}"), says);
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let found = problems(json!({
        "num_traces": 0,
        "rules": [{"conditions": ["x =="], "sampler": {"type": "probabilistic", "max_keys": 1}}],
    }));
    let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "/rules/0/name",
            "/rules/0/conditions/0",
            "/rules/0/sampler/max_keys",
            "/rules/0/sampler/sampling_percentage",
            "/num_traces",
        ]
    );
}
