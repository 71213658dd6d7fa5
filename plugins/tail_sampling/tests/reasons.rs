//! By which policy a trace was sampled or not, as operators are told.

use serde_json::{Value, json};
use spanmill_sdk::testing::{Decided, Kit, Span, Spans};
use spanmill_tail_sampling::TailSampling;

const SECOND: u64 = 1_000_000_000;

fn span(trace: u128, name: &str) -> Span {
    Span::new(name).ids(trace, 1).parent(7)
}

fn at(received: u64, spans: impl IntoIterator<Item = Span>) -> Spans {
    Spans {
        received_unix_nano: received,
        ..Spans::of(spans)
    }
}

fn kit(more: Value) -> Kit<TailSampling> {
    let named = |name: &str, span: &str| {
        let condition = format!("name == \"{span}\"");
        json!({"name": name, "type": "ottl_condition", "ottl_condition": {"span": [condition]}})
    };
    let drop = json!({"name": "no-probes", "type": "drop", "drop": {"drop_sub_policy": [named("p", "probe")]}});
    let composite = json!({"name": "rest", "type": "composite", "composite": {
        "max_total_spans_per_second": 1000, "policy_order": ["carts"],
        "composite_sub_policy": [named("carts", "cart")],
        "rate_allocation": [{"policy": "carts", "percent": 100}]}});
    let mut settings = json!({
        "decision_wait": "10s",
        "policies": [named("orders", "order"), composite, drop],
    });
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    let mut kit = Kit::holding(settings).unwrap();
    kit.explain();
    kit
}

#[test]
fn a_decision_is_told_by_the_policy_that_made_it() {
    let mut kit = kit(json!({}));
    let names = ["other", "order", "cart", "probe"];
    let spans = (1..).zip(names).map(|(trace, name)| span(trace, name));
    kit.run(&at(0, spans));
    // Nothing is decided on spans that are held.
    assert_eq!(kit.why(), ["", "", "", ""]);
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(decided.released.spans().count(), 2);
    assert_eq!(
        kit.why(),
        [
            "no policy sampled it",
            "policy orders",
            "policy rest, carts",
            "policy no-probes",
        ]
    );
    let late = (1..).zip(names).map(|(trace, _)| span(trace, "late"));
    kit.run(&at(11 * SECOND, late));
    assert_eq!(
        kit.why(),
        [
            "an earlier decision, not sampled",
            "an earlier decision: policy orders",
            "an earlier decision: policy rest, carts",
            "an earlier decision, not sampled",
        ]
    );
}

#[test]
fn decisions_of_a_cache_are_told_as_such() {
    let caches =
        json!({"decision_cache": {"sampled_cache_size": 10, "non_sampled_cache_size": 10}});
    let mut kit = kit(caches);
    kit.run(&at(0, [span(1, "other"), span(2, "order")]));
    let _: Decided<Span> = kit.tick(10 * SECOND);
    kit.run(&at(11 * SECOND, [span(1, "late"), span(2, "late")]));
    assert_eq!(
        kit.why(),
        [
            "decision_cache: an earlier decision, not sampled",
            "decision_cache: policy orders",
        ]
    );
}

#[test]
fn what_is_given_up_is_told_by_the_setting_that_bounds_it() {
    let mut few = kit(json!({"num_traces": 1}));
    few.run(&at(0, [span(1, "order"), span(2, "order")]));
    let decided: Decided<Span> = few.tick(1);
    assert_eq!(decided.dropped.spans().count(), 1);
    assert_eq!(few.why(), ["given up: num_traces"]);

    let mut small = kit(json!({"maximum_trace_size_bytes": 60}));
    small.run(&at(
        0,
        [span(1, "order"), span(1, "order"), span(2, "cart")],
    ));
    assert_eq!(small.why(), ["", "given up: maximum_trace_size_bytes", ""]);

    let mut ending = kit(json!({"drop_pending_traces_on_shutdown": true}));
    ending.run(&at(0, [span(1, "order")]));
    let _: Decided<Span> = ending.end(1);
    assert_eq!(ending.why(), ["given up: drop_pending_traces_on_shutdown"]);
}
