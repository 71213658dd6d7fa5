//! When traces are decided on, what becomes of late spans, and what there is room for.

use proptest::prelude::*;
use serde_json::{Value, json};
use spanmill_sdk::testing::{Attr, Decided, Kit, Span, Spans};
use spanmill_tail_sampling::TailSampling;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

fn span(trace: u128) -> Span {
    Span::new("s").ids(trace, 1).parent(7)
}

fn error(trace: u128) -> Span {
    span(trace).status(2, "")
}

fn kit(more: Value) -> Kit<TailSampling> {
    Kit::holding(settings(more)).unwrap()
}

fn settings(more: Value) -> Value {
    let mut settings = json!({
        "decision_wait": "10s",
        "policies": [{"name": "e", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}],
    });
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    settings
}

fn at(received: u64, spans: impl IntoIterator<Item = Span>) -> Spans {
    Spans {
        received_unix_nano: received,
        ..Spans::of(spans)
    }
}

fn traces(spans: &Spans) -> Vec<u128> {
    let ids = spans.spans().map(|span| u128::from_be_bytes(span.trace_id));
    ids.collect()
}

#[test]
fn traces_wait_for_their_later_spans() {
    let mut kit = kit(json!({}));
    let out = kit.run(&at(SECOND, [span(1), span(2)]));
    assert_eq!(
        (
            out.held,
            out.count("processor_tail_sampling_new_trace_id_received")
        ),
        (2, 0)
    );
    kit.run(&at(9 * SECOND, [error(1)]));
    let early: Decided<Span> = kit.tick(11 * SECOND - 1);
    assert_eq!((traces(&early.released).len(), kit.traces_held()), (0, 2));
    let decided: Decided<Span> = kit.tick(11 * SECOND);
    assert_eq!(
        (traces(&decided.released), traces(&decided.dropped)),
        (vec![1, 1], vec![2])
    );
}

#[test]
fn a_root_span_hurries_its_trace() {
    let mut kit = kit(json!({"decision_wait_after_root_received": "2s"}));
    kit.run(&at(SECOND, [span(1), error(2).parent(0)]));
    let decided: Decided<Span> = kit.tick(3 * SECOND);
    assert_eq!((traces(&decided.released), kit.traces_held()), (vec![2], 1));
    // A root span that comes late hurries too, and never delays.
    kit.run(&at(10 * SECOND, [error(1).parent(0)]));
    let decided: Decided<Span> = kit.tick(11 * SECOND);
    assert_eq!(traces(&decided.released), [1, 1]);
}

#[test]
fn late_spans_follow_the_decision() {
    let caches =
        json!({"decision_cache": {"sampled_cache_size": 10, "non_sampled_cache_size": 10}});
    for more in [json!({}), caches] {
        let mut kit = kit(more);
        kit.run(&at(0, [error(1), span(2)]));
        let _: Decided<Span> = kit.tick(10 * SECOND);
        let out = kit.run(&at(11 * SECOND, [span(1), error(2), span(0)]));
        assert_eq!((out.held, traces(&out.left)), (0, vec![1, 0]));
    }
}

#[test]
fn the_oldest_are_given_up_where_there_are_too_many() {
    let mut kit = kit(json!({"num_traces": 2}));
    kit.run(&at(0, [error(1), error(2), error(3)]));
    let decided: Decided<Span> = kit.tick(1);
    assert_eq!((traces(&decided.dropped), kit.traces_held()), (vec![1], 2));
    // Those that were decided on give way too.
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(traces(&decided.released), [2, 3]);
    kit.run(&at(11 * SECOND, [error(4), error(5)]));
    let decided: Decided<Span> = kit.tick(11 * SECOND);
    assert_eq!((traces(&decided.dropped).len(), kit.traces_held()), (0, 2));
    // What is forgotten starts anew.
    assert_eq!(kit.run(&at(12 * SECOND, [span(2)])).held, 1);
}

#[test]
fn caches_make_room() {
    let mut kit = kit(json!({"num_traces": 2, "decision_cache": {"sampled_cache_size": 10}}));
    kit.run(&at(0, [error(1), error(2)]));
    let _: Decided<Span> = kit.tick(10 * SECOND);
    kit.run(&at(11 * SECOND, [error(3), error(4)]));
    let _: Decided<Span> = kit.tick(11 * SECOND);
    let out = kit.run(&at(12 * SECOND, [span(1), span(2)]));
    assert_eq!((out.held, traces(&out.left)), (0, vec![1, 2]));
}

#[test]
fn bytes_that_wait_are_bounded() {
    let large = |trace| error(trace).attr("a", "x".repeat(1000).as_str());
    let mut kit = kit(json!({"max_bytes": 2500}));
    kit.run(&at(0, [large(1), large(2), large(3)]));
    let decided: Decided<Span> = kit.tick(1);
    assert_eq!((traces(&decided.dropped), kit.traces_held()), (vec![1], 2));
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(traces(&decided.released), [2, 3]);
    kit.run(&at(11 * SECOND, [large(4), large(5)]));
    let decided: Decided<Span> = kit.tick(11 * SECOND);
    assert_eq!(
        traces(&decided.dropped).len(),
        0,
        "what has left counts no more"
    );
}

#[test]
fn traces_that_grow_too_large_are_dropped_at_once() {
    let mut kit = kit(json!({"maximum_trace_size_bytes": 150}));
    let out = kit.run(&at(
        0,
        [error(1), error(2), error(1), error(1), error(1), error(1)],
    ));
    assert!(out.held < 6 && traces(&out.left).is_empty());
    let decided: Decided<Span> = kit.tick(1);
    assert!(traces(&decided.dropped).iter().all(|trace| *trace == 1));
    assert_eq!(kit.run(&at(1, [error(1)])).held, 0);
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(traces(&decided.released), [2]);
}

#[test]
fn at_the_end_traces_are_decided_on_or_dropped() {
    let run = |more| {
        let mut kit = kit(more);
        kit.run(&at(0, [error(1), span(2)]));
        let decided: Decided<Span> = kit.end(1);
        (traces(&decided.released), traces(&decided.dropped))
    };
    assert_eq!(run(json!({})), (vec![1], vec![2]));
    let (released, mut dropped) = run(json!({"drop_pending_traces_on_shutdown": true}));
    dropped.sort_unstable();
    assert_eq!((released, dropped), (vec![], vec![1, 2]));
}

#[test]
fn senders_wait_where_traces_are_not_to_be_given_up() {
    let mut kit = kit(json!({"num_traces": 2, "block_on_overflow": true}));
    kit.run(&at(0, [error(1)]));
    let _: Decided<Span> = kit.tick(1);
    assert!(!kit.is_full());
    kit.run(&at(0, [error(2), error(3)]));
    let decided: Decided<Span> = kit.tick(1);
    assert_eq!((traces(&decided.dropped).len(), kit.traces_held()), (0, 3));
    assert!(kit.is_full());
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(traces(&decided.released), [1, 2, 3]);
    assert!(!kit.is_full(), "what has left makes room");
}

#[test]
fn spans_say_which_policy_sampled_them() {
    let policies = json!([
        {"name": "none", "type": "rate_limiting", "rate_limiting": {"spans_per_second": 0}},
        {"name": "shares", "type": "composite", "composite": {
            "max_total_spans_per_second": 100,
            "composite_sub_policy": [
                {"name": "large", "type": "span_count", "span_count": {"min_spans": 5}},
                {"name": "failed", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
            ],
            "rate_allocation": [{"policy": "failed", "percent": 100}],
        }},
        {"name": "slow", "type": "always_sample"},
    ]);
    let more = |cache| json!({"policies": policies, "record_policy": true, "decision_cache": {"sampled_cache_size": cache}});
    let said = |span: &Span| {
        ["policy", "composite_policy", "cached_decision"].map(|key| {
            match span.get(&format!("tailsampling.{key}")) {
                Some(Attr::Text(text)) => text.clone(),
                Some(Attr::Bool(is_set)) => is_set.to_string(),
                _ => String::new(),
            }
        })
    };
    for (cache, late) in [(0, ""), (10, "true")] {
        let mut kit = kit(more(cache));
        let out = kit.run(&at(0, [error(1), span(2)]));
        assert_eq!(out.held, 2);
        let decided: Decided<Span> = kit.tick(10 * SECOND);
        let seen = kit.see_released(&decided.released);
        let seen: Vec<_> = seen.spans().map(said).collect();
        assert_eq!(seen, [["shares", "failed", ""], ["slow", "", ""]]);
        let out = kit.run(&at(11 * SECOND, [span(1)]));
        assert_eq!(said(out.span(0)), ["shares", "failed", late]);
    }
}

/// As OpenTelemetry's specification of consistent sampling has it: the threshold of the policy that samples the most.
#[test]
fn spans_say_what_share_they_stand_for() {
    let policies = json!([
        {"name": "half", "type": "probabilistic", "probabilistic": {"sampling_percentage": 50}},
        {"name": "e", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
        {"name": "limited", "type": "and", "and": {"and_sub_policy": [
            {"name": "many", "type": "span_count", "span_count": {"min_spans": 2}},
            {"name": "rate", "type": "rate_limiting", "rate_limiting": {"spans_per_second": 100}},
        ]}},
    ]);
    let mut kit = kit(json!({"policies": policies, "use_trace_state": true}));
    // Their randomness decides where a trace state speaks of sampling: that it names, or the last 56 bits of the id.
    let (upper, lower) = (1u128 << 55, (1u128 << 55) - 1);
    let spans = [
        span(upper).trace_state("ot=th:4"),
        span(lower).trace_state("ot=th:4"),
        span(7).trace_state("ot=rv:7fffffffffffff"),
        span(1).trace_state("ot=rv:80000000000000,x=y"),
        error(3).trace_state("x=y"),
        error(4).trace_state("ot=th:c"),
        error(5).trace_state("=="),
        // Nobody can say how many such traces there are.
        span(6).trace_state("ot=rv:00000000000000"),
        span(6),
    ];
    kit.run(&at(0, spans));
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(traces(&decided.dropped), [lower, 7]);
    let seen = kit.see_released(&decided.released);
    let states: Vec<&str> = seen.spans().map(|span| span.trace_state.as_str()).collect();
    let expected = [
        "ot=th:8",
        "ot=rv:80000000000000;th:8,x=y",
        "ot=th:0,x=y",
        "ot=th:c",
        "==",
        "ot=rv:00000000000000",
        "",
    ];
    assert_eq!(states, expected);
    let late = kit.run(&at(11 * SECOND, [span(3), span(upper)]));
    assert_eq!(
        (
            late.span(0).trace_state.as_str(),
            late.span(1).trace_state.as_str()
        ),
        ("ot=th:0", "ot=th:8")
    );
}

#[test]
fn other_rules_take_over_what_is_known() {
    let mut kit = kit(json!({}));
    kit.run(&at(0, [error(1), span(2)]));
    // The same condition under another name, inverted by a policy above it: nothing has to be shown again.
    let inverted = json!([{"name": "n", "type": "not", "not": {"not_sub_policy":
        {"name": "x", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}}}}]);
    kit.hand_over(settings(json!({"policies": inverted})))
        .unwrap();
    let tick: Decided<Span> = kit.tick(1);
    assert_eq!(tick.reviewed, 0);
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(
        (traces(&decided.released), traces(&decided.dropped)),
        (vec![2], vec![1])
    );
    // Decisions are handed on as well.
    kit.hand_over(settings(json!({}))).unwrap();
    let out = kit.run(&at(11 * SECOND, [span(1), span(2)]));
    assert_eq!((out.held, traces(&out.left)), (0, vec![2]));
}

#[test]
fn what_other_rules_ask_is_looked_up_in_what_is_held() {
    let mut kit = kit(json!({}));
    kit.run(&at(0, [span(1).attr("k", "v"), span(2), error(3)]));
    let policies = json!([{"name": "k", "type": "string_attribute", "string_attribute": {"key": "k", "values": ["v"]}}]);
    kit.hand_over(settings(json!({"policies": policies})))
        .unwrap();
    let tick: Decided<Span> = kit.tick(1);
    assert_eq!(tick.reviewed, 3);
    kit.run(&at(SECOND, [span(2).attr("k", "v")]));
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(
        (traces(&decided.released), traces(&decided.dropped)),
        (vec![1, 2, 2], vec![3])
    );
}

#[test]
fn a_new_instance_learns_what_is_held() {
    let mut kit = kit(json!({}));
    kit.run(&at(0, [error(1), span(2), span(1)]));
    kit.restart::<Span>(settings(json!({}))).unwrap();
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(
        (traces(&decided.released), traces(&decided.dropped)),
        (vec![1, 1], vec![2])
    );
}

/// The kit refuses a tick that names a trace twice, as the host does.
#[test]
fn what_is_too_large_when_it_is_shown_again_is_dropped_once() {
    let mut kit = kit(json!({}));
    kit.run(&at(0, (0..6).map(|_| error(1)).chain([error(2)])));
    let more =
        json!({"maximum_trace_size_bytes": 150, "decision_cache": {"non_sampled_cache_size": 10}});
    kit.restart::<Span>(settings(more)).unwrap();
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(
        (traces(&decided.released), traces(&decided.dropped)),
        (vec![2], vec![1; 6])
    );
}

/// A host tries a new version on a copy of the state first.
#[test]
fn only_the_last_state_counts() {
    let caches =
        json!({"decision_cache": {"sampled_cache_size": 10, "non_sampled_cache_size": 10}});
    let of = || kit(caches.clone());
    let mut running = of();
    running.run(&at(0, [span(1), error(2), span(3)]));
    let (format, first) = running.snapshot();
    let _: Decided<Span> = running.tick(10 * SECOND);
    running.run(&at(11 * SECOND, [error(4)]));
    let (_, second) = running.snapshot();
    let (mut once, mut twice) = (of(), of());
    once.restore(format, &second).unwrap();
    twice.restore(format, &first).unwrap();
    twice.restore(format, &second).unwrap();
    assert!(once.snapshot() == twice.snapshot());
}

#[test]
fn a_state_that_is_none_is_refused() {
    let mut kit = kit(json!({}));
    kit.run(&at(0, [error(1), span(2)]));
    let (format, data) = kit.snapshot();
    assert!(kit.restore(format + 1, &data).is_err());
    for length in 0..data.len() {
        assert!(kit.restore(format, &data[..length]).is_err());
    }
    let longer: Vec<u8> = data.iter().copied().chain([0]).collect();
    assert!(kit.restore(format, &longer).is_err());
}

/// What may happen on the way of a span.
#[derive(Debug, Clone)]
enum Step {
    Receive(Vec<u8>),
    HandOver,
    Restart,
    Tick,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(0u8..32, 1..6).prop_map(Step::Receive),
        1 => Just(Step::HandOver),
        1 => Just(Step::Restart),
        2 => Just(Step::Tick),
    ]
}

proptest! {
    /// Whatever the batches, and whoever takes over between them: a trace is sampled if, and only if, its spans together
    /// say so, and every span is released or dropped once.
    #[test]
    fn the_same_trace_has_the_same_decision(steps in prop::collection::vec(step(), 0..40)) {
        let policies = json!([
            {"name": "e", "type": "and", "and": {"and_sub_policy": [
                {"name": "a", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
                {"name": "b", "type": "string_attribute", "string_attribute": {"key": "k", "values": ["v"]}},
            ]}},
            {"name": "c", "type": "span_count", "span_count": {"min_spans": 6}},
        ]);
        let settings = settings(json!({"policies": policies}));
        let mut kit = Kit::<TailSampling>::holding(settings.clone()).unwrap();
        let mut model = std::collections::BTreeMap::<u128, (bool, bool, usize)>::new();
        for step in steps {
            match step {
                Step::Receive(spans) => {
                    let spans: Vec<Span> = spans.into_iter().map(|bits| {
                        let (trace, fails, has_key) = (u128::from(bits % 8) + 1, bits & 8 != 0, bits & 16 != 0);
                        let known = model.entry(trace).or_default();
                        *known = (known.0 | fails, known.1 | has_key, known.2 + 1);
                        let span = if fails { error(trace) } else { span(trace) };
                        if has_key { span.attr("k", "v") } else { span }
                    }).collect();
                    kit.run(&at(SECOND, spans));
                }
                Step::HandOver => kit.hand_over(settings.clone()).unwrap(),
                Step::Restart => kit.restart::<Span>(settings.clone()).unwrap(),
                Step::Tick => {
                    // Traces of a restarted instance are as old as time, as far as the kit knows.
                    let decided: Decided<Span> = kit.tick(0);
                    prop_assert_eq!(decided.dropped.spans().count() + decided.released.spans().count(), 0);
                }
            }
        }
        let decided: Decided<Span> = kit.end(12 * SECOND);
        let count = |spans: &Spans, trace| traces(spans).iter().filter(|of| **of == trace).count();
        for (trace, (fails, has_key, spans)) in model {
            let expected = if fails && has_key || spans >= 6 { (spans, 0) } else { (0, spans) };
            prop_assert_eq!((count(&decided.released, trace), count(&decided.dropped, trace)), expected, "{}", trace);
        }
        prop_assert_eq!(kit.traces_held(), 0);
    }
}
