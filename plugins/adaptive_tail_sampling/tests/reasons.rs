//! By which rule and sampler a trace was sampled or not, as operators are told.

use serde_json::json;
use spanmill_sdk::testing::{Decided, Span};

use crate::support::*;

#[test]
fn a_decision_is_told_by_its_rule_and_sampler() {
    let rules = json!([
        {"name": "errors", "conditions": ["span.status.code == STATUS_CODE_ERROR"],
            "sampler": {"type": "always_sample"}},
        {"name": "carts", "conditions": ["span.name == \"root\""],
            "sampler": {"type": "probabilistic", "sampling_percentage": 50}},
    ]);
    let mut kit = kit(
        rules,
        json!({"decision_delay": "1s", "decision_cache": {"sampled_cache_size": 10, "non_sampled_cache_size": 10}}),
    );
    kit.explain();
    let (kept, lost, other) = (trace(1, 0.9), trace(2, 0.1), trace(3, 0.5));
    kit.run(&at(
        0,
        [
            error(5),
            root(5),
            root(kept),
            root(lost),
            span(other).parent(0),
        ],
    ));
    assert_eq!(kit.why(), ["", "", "", "", ""]);
    let decided: Decided<Span> = kit.tick(SECOND);
    assert_eq!(traces(&decided.released), [5, 5, kept]);
    assert_eq!(
        kit.why(),
        [
            "rule errors, always_sample",
            "rule carts, probabilistic",
            "rule carts, probabilistic",
            "no rule took it",
        ]
    );
    kit.run(&at(2 * SECOND, [span(kept), span(lost), span(9)]));
    assert_eq!(
        kit.why(),
        [
            "an earlier decision: rule carts, probabilistic",
            "an earlier decision, dropped",
            "",
        ]
    );
}

#[test]
fn evictions_and_overloads_are_told_by_their_settings() {
    let mut evicting = kit(
        all(),
        json!({"num_traces": 10, "eviction": {"policy": "probabilistic", "sampling_percentage": 50}}),
    );
    evicting.explain();
    evicting.run(&at(0, (1..=11).map(|number| span(trace(number, 0.9)))));
    let _: Decided<Span> = evicting.tick(1);
    assert_eq!(evicting.why(), ["eviction.sampling_percentage"]);

    let overload = json!({"num_traces": 10, "overload": {
        "activation_level": 50, "deactivation_level": 10, "sampling_percentage": 50}});
    let mut crowded = kit(all(), overload);
    crowded.explain();
    crowded.run(&at(0, (1..=5).map(|number| span(trace(number, 0.5)))));
    crowded.run(&at(
        1,
        [
            span(trace(2, 0.9)),
            span(trace(3, 0.1)),
            span(trace(1, 0.5)),
        ],
    ));
    assert_eq!(
        crowded.why(),
        [
            "overload.sampling_percentage",
            "overload.sampling_percentage",
            "",
        ]
    );
}
