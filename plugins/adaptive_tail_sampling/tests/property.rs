//! What holds whatever happens.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};
use spanmill_sdk::testing::{Attr, Decided, Span, Spans};

use crate::support::*;

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
        6 => prop::collection::vec(any::<u8>(), 1..6).prop_map(Step::Receive),
        1 => Just(Step::HandOver),
        1 => Just(Step::Restart),
        2 => Just(Step::Tick),
    ]
}

fn rules() -> Value {
    json!([
        {"name": "both", "match": "same_span", "conditions": ["span.status.code == STATUS_CODE_ERROR", "span.attributes[\"k\"] == \"v\""],
            "sampler": {"type": "always_sample"}},
        {"name": "either", "conditions": ["span.status.code == STATUS_CODE_ERROR", "span.attributes[\"k\"] == \"v\""],
            "sampler": {"type": "probabilistic", "sampling_percentage": 50}},
        {"name": "others", "conditions": ["span.attributes[\"k\"] != \"v\""], "sampler": {"type": "adaptive_percentage", "goal_percentage": 25, "min_traces": 0,
            "fingerprint_attributes": ["span.attributes[\"k\"]"]}},
    ])
}

/// What is known of a trace.
#[derive(Debug, Default)]
struct Known {
    is_both: bool,
    fails: bool,
    has_key: bool,
    is_other: bool,
    spans: usize,
}

/// The randomness of eight traces, from low to high.
fn id(number: u8) -> u128 {
    trace(u64::from(number), f64::from(number) / 8.0 + 0.01)
}

impl Known {
    fn is_kept(&self, number: u8) -> bool {
        let randomness = f64::from(number) / 8.0 + 0.01;
        match (self.is_both, self.fails && self.has_key, self.is_other) {
            (true, ..) => true,
            (_, true, _) => randomness >= 0.5,
            // Nothing is known of the traffic before the end, so the goal's share is kept.
            (.., true) => randomness >= 0.75,
            _ => false,
        }
    }
}

proptest! {
    /// Whatever the batches, and whoever takes over between them: what becomes of a trace depends on its spans and its
    /// randomness alone, and every span is released or dropped once.
    #[test]
    fn the_same_trace_has_the_same_decision(steps in prop::collection::vec(step(), 0..40)) {
        let settings = settings(rules(), json!({"root_span_condition": "false", "trace_timeout": "1h"}));
        let mut kit = Plugin::holding(settings.clone()).unwrap();
        let mut model = BTreeMap::<u8, Known>::new();
        for step in steps {
            match step {
                Step::Receive(spans) => {
                    let spans: Vec<Span> = spans.into_iter().map(|bits| {
                        let (number, fails, has_key) = (bits % 8, bits & 8 != 0, bits & 16 != 0);
                        let known = model.entry(number).or_default();
                        known.is_both |= fails && has_key;
                        known.fails |= fails;
                        known.has_key |= has_key;
                        known.is_other |= !has_key;
                        known.spans += 1;
                        let span = if fails { error(id(number)) } else { span(id(number)) };
                        if has_key { span.attr("k", "v") } else { span }
                    }).collect();
                    kit.run(&at(SECOND, spans));
                }
                Step::HandOver => kit.hand_over(settings.clone()).unwrap(),
                Step::Restart => kit.restart::<Span>(settings.clone()).unwrap(),
                Step::Tick => {
                    let decided: Decided<Span> = kit.tick(2 * SECOND);
                    prop_assert_eq!(decided.dropped.spans().count() + decided.released.spans().count(), 0);
                }
            }
        }
        let decided: Decided<Span> = kit.end(3 * SECOND);
        let count = |spans: &Spans, trace| traces(spans).iter().filter(|of| **of == trace).count();
        for (number, known) in model {
            let expected = if known.is_kept(number) { (known.spans, 0) } else { (0, known.spans) };
            let found = (count(&decided.released, id(number)), count(&decided.dropped, id(number)));
            prop_assert_eq!(found, expected, "{}: {:?}", number, known);
        }
        prop_assert_eq!(kit.traces_held(), 0);
    }

    /// With little room, short waits and overloads as well: each span leaves once, and what is kept names its threshold.
    #[test]
    fn every_span_leaves_once(
        steps in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..12), 0u64..4, 0u8..10), 1..40),
        num_traces in 1u64..6,
        has_overload in any::<bool>(),
        is_stopped in any::<bool>(),
        is_probabilistic in any::<bool>(),
    ) {
        let mut more = json!({"num_traces": num_traces, "span_limit": 5, "trace_timeout": "5s", "decision_delay": "1s"});
        if has_overload {
            more["overload"] = json!({"sampling_percentage": 50, "minimum_activation_duration": "2s"});
        }
        if is_probabilistic {
            more["eviction"] = json!({"policy": "probabilistic", "sampling_percentage": 50});
        }
        let settings = settings(rules(), more);
        let mut kit = Plugin::holding(settings.clone()).unwrap();
        let (mut came, mut left, mut now) = (0, 0, 100);
        let mut kept: Vec<Span> = Vec::new();
        for (spans, seconds, change) in steps {
            match change {
                0 => kit.hand_over(settings.clone()).unwrap(),
                1 => kit.restart::<Span>(settings.clone()).unwrap(),
                _ => {}
            }
            now += seconds;
            came += spans.len();
            let spans: Vec<Span> = spans.into_iter().map(|bits| {
                let id = id(bits % 32);
                let span = if bits & 64 != 0 { root(id) } else { error(id) };
                if bits & 128 != 0 { span.attr("k", "v") } else { span }
            }).collect();
            let of_batch = spans.len();
            let out = kit.run(&at(now * SECOND, spans));
            left += of_batch - out.held;
            kept.extend(out.left.spans().cloned());
            let (released, dropped) = tick(&mut kit, now * SECOND);
            left += released.spans().count() + dropped.spans().count();
            kept.extend(released.spans().cloned());
            prop_assert!(kit.traces_held() as u64 <= num_traces);
        }
        // Nothing is held for ever.
        let decided: Decided<Span> = match is_stopped {
            true => kit.end(now * SECOND),
            false => kit.tick((now + 6) * SECOND),
        };
        left += decided.released.spans().count() + decided.dropped.spans().count();
        kept.extend(kit.see_released(&decided.released).spans().cloned());
        prop_assert_eq!((left, kit.traces_held()), (came, 0));
        for span in kept {
            let id = u128::from_be_bytes(span.trace_id);
            let threshold = span.trace_state.strip_prefix("ot=th:");
            let threshold = threshold.and_then(spanmill_sampling::threshold::parse);
            prop_assert!(threshold.is_some_and(|threshold| u128::from(threshold) <= id % NEVER), "{:?}", span);
        }
    }

    /// Whatever senders write, nothing breaks, and every span leaves.
    #[test]
    fn anything_is_taken(
        spans in prop::collection::vec((any::<u8>(), trace_state(), value(), value(), any::<bool>()), 0..60),
        at_once in 1usize..20,
    ) {
        let rules = json!([
            {"name": "failing", "conditions": ["Substring(span.attributes[\"a\"], 1, 2) == \"x\"", "Len(span.attributes[\"b\"]) > 1"],
                "sampler": {"type": "always_sample"}},
            {"name": "others", "sampler": {"type": "adaptive_throughput", "goal_throughput": 1, "max_keys": 3, "initial_sampling_percentage": 50,
                "fingerprint_attributes": ["any.attributes[\"a\"]", "root.attributes[\"b\"]"]}},
        ]);
        let more = json!({"root_span_condition": "Len(span.attributes[\"a\"]) > 2 or IsRootSpan()", "record_fingerprint": "value",
            "max_bytes": 3000, "overload": {"sampling_percentage": 50}});
        let mut kit = kit(rules, more);
        let (came, mut left, mut now) = (spans.len(), 0, 1);
        let spans: Vec<Span> = spans.into_iter().map(|(id, state, a, b, is_root)| {
            let mut span = Span::new("s").ids(u128::from(id % 6), 1).trace_state(&state);
            for (key, value) in [("a", a), ("b", b)] {
                if let Some(value) = value {
                    span = span.attr(key, value);
                }
            }
            if is_root { span } else { span.parent(1) }
        }).collect();
        for some in spans.chunks(at_once) {
            now += 1;
            let out = kit.run(&at(now * SECOND, some.iter().cloned()));
            let (released, dropped) = tick(&mut kit, now * SECOND);
            left += some.len() - out.held + released.spans().count() + dropped.spans().count();
        }
        let (released, dropped) = tick(&mut kit, (now + 40) * SECOND);
        left += released.spans().count() + dropped.spans().count();
        prop_assert_eq!((left, kit.traces_held()), (came, 0));
    }
}

fn trace_state() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "ot=(th:[0-9a-f]{0,15})?;?(rv:[0-9a-f]{12,15})?(,[a-z]=[a-z])?",
        "[ -~]{0,20}",
    ]
}

fn value() -> impl Strategy<Value = Option<Attr>> {
    prop_oneof![
        Just(None),
        "[a-z,•]{0,4}".prop_map(|text| Some(Attr::from(text.as_str()))),
        any::<bool>().prop_map(|value| Some(Attr::from(value))),
        any::<i64>().prop_map(|value| Some(Attr::from(value))),
        any::<f64>().prop_map(|value| Some(Attr::from(value))),
        any::<Vec<u8>>().prop_map(|bytes| Some(Attr::Bytes(bytes))),
        any::<f64>().prop_map(|value| Some(Attr::Array(vec![Attr::Double(value), Attr::Empty]))),
        Just(Some(Attr::Map(vec![("k".to_owned(), Attr::Empty)]))),
    ]
}
