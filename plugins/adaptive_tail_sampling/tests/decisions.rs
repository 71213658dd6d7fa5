//! When traces are decided on, by which rule, and what their spans say then.

use serde_json::{Value, json};
use spanmill_sdk::testing::{Decided, Span, Spans};

use crate::support::*;

fn half() -> Value {
    json!([{"name": "half", "sampler": {"type": "probabilistic", "sampling_percentage": 50}}])
}

#[test]
fn a_root_span_or_the_timeout_triggers_the_decision() {
    let mut kit = kit(
        all(),
        json!({"trace_timeout": "10s", "decision_delay": "2s"}),
    );
    kit.run(&at(SECOND, [span(1), root(2)]));
    let (early, _) = tick(&mut kit, 3 * SECOND - 1);
    assert_eq!(traces(&early), []);
    // A span that comes in the delay is there in time.
    kit.run(&at(3 * SECOND - 1, [span(2)]));
    let (rooted, _) = tick(&mut kit, 3 * SECOND);
    assert_eq!(traces(&rooted), [2, 2]);
    assert_eq!(
        said(rooted.spans().next().unwrap()),
        ["all", "root_span", ""]
    );
    // Later spans do not put the timeout off.
    kit.run(&at(10 * SECOND, [span(1)]));
    let (early, _) = tick(&mut kit, 13 * SECOND - 1);
    assert_eq!(traces(&early), []);
    let decided: Decided<Span> = kit.tick(13 * SECOND);
    assert_eq!(traces(&decided.released), [1, 1]);
    let seen = kit.see_released(&decided.released);
    assert_eq!(said(seen.spans().next().unwrap())[1], "trace_timeout");
    assert_eq!(
        decided.count("processor_adaptive_tail_sampling_traces_sampled_all"),
        1
    );
}

#[test]
fn a_condition_says_what_a_root_span_is() {
    let condition = "IsRootSpan() or span.attributes[\"entry\"] == true";
    let mut kit = kit(
        all(),
        json!({"root_span_condition": condition, "decision_delay": "1s"}),
    );
    kit.run(&at(0, [span(1).attr("entry", true), root(2), span(3)]));
    let (released, _) = tick(&mut kit, SECOND);
    assert_eq!(traces(&released), [1, 2]);
}

#[test]
fn a_trace_at_its_limit_is_decided_on_at_once() {
    let mut kit = kit(all(), json!({"span_limit": 3}));
    kit.run(&at(SECOND, [span(1), span(1), span(2)]));
    let (early, _) = tick(&mut kit, SECOND);
    assert_eq!(traces(&early), []);
    kit.run(&at(2 * SECOND, [span(1), span(1)]));
    let (released, _) = tick(&mut kit, 2 * SECOND);
    assert_eq!(traces(&released), [1, 1, 1, 1]);
    assert_eq!(said(released.spans().next().unwrap())[1], "span_limit");
    let late = kit.run(&at(3 * SECOND, [span(1)]));
    assert_eq!(
        (late.held, said(late.span(0))[1].as_str()),
        (0, "span_limit")
    );
}

#[test]
fn the_first_rule_that_matches_decides_for_good() {
    let rules = json!([
        {"name": "no errors", "conditions": ["span.status.code == STATUS_CODE_ERROR"],
            "sampler": {"type": "probabilistic", "sampling_percentage": 0.0000001}},
        {"name": "slow", "conditions": ["span.name == \"slow\""], "sampler": {"type": "always_sample"}},
        {"name": "errors", "conditions": ["span.status.code == STATUS_CODE_ERROR"], "sampler": {"type": "always_sample"}},
    ]);
    let mut kit = kit(rules, json!({"decision_delay": "1s"}));
    let slow = |trace| Span::new("slow").ids(trace, 1).parent(7);
    kit.run(&at(
        0,
        [
            error(1),
            root(1),
            slow(2),
            root(2),
            slow(3),
            error(3),
            root(3),
            root(4),
        ],
    ));
    let decided: Decided<Span> = kit.tick(SECOND);
    let seen = kit.see_released(&decided.released);
    assert_eq!(traces(&seen), [2, 2]);
    assert!(seen.spans().all(|span| said(span)[0] == "slow"));
    let count = |name: &str| decided.count(&format!("processor_adaptive_tail_sampling_{name}"));
    assert_eq!(count("traces_dropped_no_errors"), 2);
    assert_eq!(count("traces_dropped__unmatched"), 1);
    assert_eq!(count("decision_triggers_root_span"), 4);
}

#[test]
fn conditions_are_met_by_any_spans_or_by_the_same() {
    let conditions = json!([
        "span.status.code == STATUS_CODE_ERROR",
        "resource.attributes[\"service.name\"] == \"shop\""
    ]);
    let rules = |matching: &str| json!([{"name": "r", "match": matching, "conditions": conditions, "sampler": {"type": "always_sample"}}]);
    let spans = || {
        Spans::new()
            .resource([("service.name", "shop")])
            .span(root(1))
            .span(error(2))
            .span(root(2))
            .resource([("service.name", "cart")])
            .span(error(1))
            .span(error(3))
            .span(root(3))
    };
    for (matching, expected) in [("any_span", vec![1, 1, 2, 2]), ("same_span", vec![2, 2])] {
        let mut kit = kit(rules(matching), json!({"decision_delay": "1s"}));
        kit.run(&spans());
        let (released, _) = tick(&mut kit, SECOND);
        let mut found = traces(&released);
        found.sort_unstable();
        assert_eq!(found, expected, "{matching}");
    }
}

#[test]
fn conditions_that_fail_do_not_hold_and_are_counted() {
    let condition = "Substring(span.attributes[\"a\"], 0, 3) == \"abc\"";
    let rules =
        json!([{"name": "r", "conditions": [condition], "sampler": {"type": "always_sample"}}]);
    let mut kit = kit(rules, json!({"decision_delay": "1s"}));
    kit.run(&at(
        0,
        [
            root(1).attr("a", "x"),
            span(1).attr("a", "abcd"),
            root(2).attr("a", "x"),
        ],
    ));
    let decided: Decided<Span> = kit.tick(SECOND);
    assert_eq!(traces(&decided.released), [1, 1]);
    assert_eq!(
        decided.count("processor_adaptive_tail_sampling_ottl_eval_errors"),
        2
    );
}

/// As OpenTelemetry's specification of consistent sampling has it.
#[test]
fn decisions_are_by_threshold_against_randomness() {
    let mut kit = kit(half(), json!({"decision_delay": "1s"}));
    let (upper, lower) = (trace(1, 0.5), trace(2, 0.49999));
    let spans = [
        root(upper),
        root(lower),
        // What a trace state names counts in place of the id.
        root(trace(3, 0.9)).trace_state("ot=rv:7fffffffffffff"),
        root(trace(4, 0.1)).trace_state("x=y,ot=rv:80000000000000"),
        // A threshold is never lowered, and a trace that it does not let through goes.
        root(trace(5, 0.8)).trace_state("ot=th:c"),
        root(trace(6, 0.7)).trace_state("ot=th:c"),
        root(trace(7, 0.6)).trace_state("ot=th:4"),
        root(trace(8, 0.6)).trace_state("=="),
    ];
    kit.run(&at(0, spans));
    let decided: Decided<Span> = kit.tick(SECOND);
    assert_eq!(
        traces(&decided.dropped),
        [lower, trace(3, 0.9), trace(6, 0.7)]
    );
    let seen = kit.see_released(&decided.released);
    let states: Vec<&str> = seen.spans().map(|span| span.trace_state.as_str()).collect();
    assert_eq!(
        states,
        [
            "ot=th:8",
            "ot=rv:80000000000000;th:8,x=y",
            "ot=th:c",
            "ot=th:8",
            "=="
        ]
    );
    assert_eq!(
        decided.count("processor_adaptive_tail_sampling_incoming_tracestate_unparseable"),
        1
    );
}

#[test]
fn what_is_always_sampled_says_so() {
    let mut kit = kit(all(), json!({"decision_delay": "1s"}));
    kit.run(&at(
        0,
        [root(1), root(2).trace_state("ot=th:8;rv:c0000000000000")],
    ));
    let (released, _) = tick(&mut kit, SECOND);
    let states: Vec<&str> = released
        .spans()
        .map(|span| span.trace_state.as_str())
        .collect();
    assert_eq!(states, ["ot=th:0", "ot=th:8;rv:c0000000000000"]);
}

#[test]
fn late_spans_follow_the_decision() {
    let (upper, lower) = (trace(1, 0.7), trace(2, 0.3));
    let mut kit = kit(half(), json!({"decision_delay": "1s"}));
    kit.run(&at(0, [root(upper), root(lower)]));
    tick(&mut kit, SECOND);
    let late = kit.run(&at(2 * SECOND, [span(upper), span(lower), span(0)]));
    assert_eq!((late.held, traces(&late.left)), (0, vec![upper, 0]));
    assert_eq!(late.span(0).trace_state, "ot=th:8");
    assert_eq!(said(late.span(0)), ["half", "root_span", ""]);
    assert_eq!(said(late.span(1)), ["", "", ""]);
    let decided: Decided<Span> = kit.tick(2 * SECOND);
    let count = |name: &str| decided.count(&format!("processor_adaptive_tail_sampling_{name}"));
    assert_eq!(
        (count("late_spans_sampled"), count("late_spans_dropped")),
        (1, 1)
    );
}

#[test]
fn without_caches_late_spans_are_new_traces() {
    let (upper, lower) = (trace(1, 0.7), trace(2, 0.3));
    let more = json!({"decision_delay": "1s", "decision_cache": {"sampled_cache_size": 0, "non_sampled_cache_size": 0}});
    let mut kit = kit(half(), more);
    kit.run(&at(0, [root(upper), root(lower)]));
    // What is released is marked all the same.
    let (released, _) = tick(&mut kit, SECOND);
    assert_eq!(released.spans().next().unwrap().trace_state, "ot=th:8");
    let late = kit.run(&at(2 * SECOND, [span(upper), span(lower)]));
    assert_eq!(late.held, 2);
}

#[test]
fn at_the_end_everything_is_decided_on() {
    let (upper, lower) = (trace(1, 0.7), trace(2, 0.3));
    let mut kit = kit(half(), json!({}));
    kit.run(&at(0, [span(upper), root(lower)]));
    let decided: Decided<Span> = kit.end(1);
    assert_eq!(
        (traces(&decided.released), traces(&decided.dropped)),
        (vec![upper], vec![lower])
    );
    let seen = kit.see_released(&decided.released);
    assert_eq!(said(seen.spans().next().unwrap())[1], "shutdown");
    assert_eq!(kit.traces_held(), 0);
}

/// Two instances that never hear of each other: where thresholds are the same they agree on every trace, and of two
/// thresholds the stricter keeps a part of what the other keeps.
#[test]
fn instances_agree_on_what_they_keep() {
    let kept = |percentage: f64, others: u64| {
        let rules = json!([{"name": "r", "sampler": {"type": "probabilistic", "sampling_percentage": percentage}}]);
        let mut kit = kit(rules, json!({"decision_delay": "1s"}));
        let own = (0..200).map(|n| root(trace(n, (n as f64 + 0.5) / 200.0)));
        let others = (0..others).map(|n| root(trace(1000 + n, 0.999)));
        kit.run(&at(0, others.chain(own)));
        let (released, _) = tick(&mut kit, SECOND);
        let all = traces(&released).into_iter();
        all.filter(|id| id >> 64 <= 200).collect::<Vec<u128>>()
    };
    let (one, other, stricter) = (kept(30.0, 0), kept(30.0, 500), kept(10.0, 20));
    assert_eq!((one.len(), stricter.len()), (60, 20));
    assert_eq!(one, other);
    assert!(stricter.iter().all(|id| one.contains(id)));
}
