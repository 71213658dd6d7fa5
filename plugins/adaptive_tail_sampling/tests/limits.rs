//! What there is room for.

use serde_json::{Value, json};
use spanmill_sdk::testing::{Decided, Span};

use crate::support::*;

fn errors() -> Value {
    json!([{"name": "errors", "conditions": ["span.status.code == STATUS_CODE_ERROR"], "sampler": {"type": "always_sample"}}])
}

fn count(decided: &Decided<Span>, name: &str) -> u64 {
    decided.count(&format!("processor_adaptive_tail_sampling_{name}"))
}

#[test]
fn the_oldest_are_decided_on_where_there_are_too_many() {
    let mut kit = kit(errors(), json!({"num_traces": 2}));
    kit.run(&at(SECOND, [error(1), span(2), span(3), error(4), root(2)]));
    let decided: Decided<Span> = kit.tick(SECOND);
    assert_eq!(
        (traces(&decided.released), traces(&decided.dropped)),
        (vec![1], vec![2, 2])
    );
    assert_eq!(kit.traces_held(), 2);
    assert_eq!(
        (
            count(&decided, "traces_evicted"),
            count(&decided, "decision_triggers_eviction"),
            count(&decided, "decision_triggers_root_span"),
        ),
        // One of the two had its root span by then.
        (2, 1, 1)
    );
    let seen = kit.see_released(&decided.released);
    assert_eq!(
        said(seen.spans().next().unwrap()),
        ["errors", "eviction", ""]
    );
    // Later spans follow.
    let late = kit.run(&at(2 * SECOND, [span(1), error(2)]));
    assert_eq!((late.held, traces(&late.left)), (0, vec![1]));
}

#[test]
fn bytes_that_wait_are_bounded() {
    let large = |trace| error(trace).attr("a", "x".repeat(1000).as_str());
    let mut kit = kit(errors(), json!({"max_bytes": 2500}));
    kit.run(&at(SECOND, [large(1), large(2), large(3)]));
    let (released, _) = tick(&mut kit, SECOND);
    assert_eq!((traces(&released), kit.traces_held()), (vec![1], 2));
    // What has left counts no more.
    let (released, _) = tick(&mut kit, 40 * SECOND);
    assert_eq!(traces(&released), [2, 3]);
    kit.run(&at(41 * SECOND, [large(4), large(5)]));
    tick(&mut kit, 41 * SECOND);
    assert_eq!(kit.traces_held(), 2);
}

#[test]
fn eviction_may_go_by_a_threshold_instead_of_the_rules() {
    let more = json!({"num_traces": 1, "eviction": {"policy": "probabilistic", "sampling_percentage": 25}});
    let mut kit = kit(errors(), more);
    let (upper, lower, last) = (trace(1, 0.75), trace(2, 0.74), trace(3, 0.9));
    let strict = trace(4, 0.9);
    kit.run(&at(
        SECOND,
        [
            span(upper),
            error(lower),
            span(strict).trace_state("ot=th:e"),
            span(last),
        ],
    ));
    let decided: Decided<Span> = kit.tick(SECOND);
    let seen = kit.see_released(&decided.released);
    assert_eq!(
        (traces(&seen), traces(&decided.dropped)),
        (vec![upper, strict], vec![lower])
    );
    let states: Vec<&str> = seen.spans().map(|span| span.trace_state.as_str()).collect();
    assert_eq!(states, ["ot=th:c", "ot=th:e"]);
    assert!(
        seen.spans()
            .all(|span| said(span) == ["_eviction", "eviction", ""])
    );
    assert_eq!(
        (
            count(&decided, "traces_sampled__eviction"),
            count(&decided, "traces_dropped__eviction")
        ),
        (2, 1)
    );
}

#[test]
fn caches_forget_what_was_used_least_recently() {
    let more = json!({"num_traces": 1, "decision_delay": "1s", "decision_cache": {"sampled_cache_size": 2, "non_sampled_cache_size": 1}});
    let mut kit = kit(errors(), more);
    for trace in 1..=3 {
        kit.run(&at(SECOND, [error(trace), root(trace), root(trace + 10)]));
        tick(&mut kit, 2 * SECOND);
    }
    let late = kit.run(&at(3 * SECOND, [span(1)]));
    assert_eq!(late.held, 1);
    let late = kit.run(&at(3 * SECOND, [span(2), span(3), span(13)]));
    assert_eq!((late.held, traces(&late.left)), (0, vec![2, 3]));
    assert_eq!(kit.run(&at(3 * SECOND, [span(12)])).held, 1);
}

/// A million spans with a value of their own each: what is known of them stays small, and is forgotten.
#[test]
fn values_that_senders_choose_take_bounded_room() {
    let rules = json!([{"name": "p", "sampler": {
        "type": "adaptive_percentage", "goal_percentage": 1, "max_keys": 10,
        "fingerprint_attributes": ["span.attributes[\"user\"]"],
    }}]);
    let mut kit = kit(
        rules,
        json!({"decision_delay": "1s", "decision_cache": {"sampled_cache_size": 10, "non_sampled_cache_size": 10}, "num_traces": 1000}),
    );
    let mut largest = 0;
    for second in 1..=60u64 {
        let spans = (0..500u64).map(|n| {
            let user = format!("{}-{n}", second);
            root(trace(second * 1000 + n, n as f64 / 500.0)).attr("user", user.as_str())
        });
        kit.run(&at(second * SECOND, spans));
        tick(&mut kit, (second + 1) * SECOND);
        largest = largest.max(kit.snapshot().1.len());
    }
    assert!(largest < 500_000, "{largest} bytes");
}
