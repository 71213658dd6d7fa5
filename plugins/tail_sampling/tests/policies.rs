//! Each policy, as the Collector's documentation and code have it.

use serde_json::{Value, json};
use spanmill_sdk::testing::{Attr, Decided, Event, Kit, Span, Spans};
use spanmill_tail_sampling::TailSampling;

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

/// A span of a trace that takes so many ms.
fn span(trace: u128, took: u64) -> Span {
    Span::new("s")
        .ids(trace, 1)
        .times(SECOND, SECOND + took * MS)
}

fn kit(policies: Value) -> Kit<TailSampling> {
    Kit::holding(json!({"decision_wait": "1s", "policies": policies})).unwrap()
}

/// Which of the traces are sampled that spans belong to.
fn sampled(policies: Value, spans: impl IntoIterator<Item = Span>) -> Vec<u128> {
    sampled_of(policies, Spans::of(spans))
}

fn sampled_of(policies: Value, spans: Spans) -> Vec<u128> {
    let mut kit = kit(policies);
    kit.run(&spans);
    let decided: Decided<Span> = kit.tick(2 * SECOND);
    assert_eq!(kit.traces_held(), 0);
    traces(&decided.released)
}

fn traces(spans: &Spans) -> Vec<u128> {
    let mut traces: Vec<u128> = spans
        .spans()
        .map(|span| u128::from_be_bytes(span.trace_id))
        .collect();
    traces.sort_unstable();
    traces.dedup();
    traces
}

fn one(kind: &str, settings: Value) -> Value {
    let mut policy = json!({"name": "p", "type": kind});
    policy[kind] = settings;
    json!([policy])
}

#[test]
fn always_sample_samples() {
    assert_eq!(
        sampled(one("always_sample", json!({})), [span(1, 1), span(2, 1)]),
        [1, 2]
    );
}

#[test]
fn latency_is_that_of_the_whole_trace() {
    let late = |trace| {
        Span::new("s")
            .ids(trace, 2)
            .times(3 * SECOND, 3 * SECOND + MS)
    };
    let spans = [span(1, 100), span(2, 101), span(3, 1), late(3)];
    let policy = one("latency", json!({"threshold_ms": 100}));
    // The bound itself is not above it, nor is what is above by less than 1 ms.
    assert_eq!(sampled(policy, spans), [2, 3]);
    let almost = Span::new("s")
        .ids(4, 1)
        .times(SECOND, SECOND + 101 * MS - 1);
    let policy = one("latency", json!({"threshold_ms": 100}));
    assert_eq!(sampled(policy, [almost]), [0u128; 0]);
}

#[test]
fn latency_with_an_upper_bound_is_met_on_the_way() {
    let policy = || {
        one(
            "latency",
            json!({"threshold_ms": 100, "upper_threshold_ms": 200}),
        )
    };
    assert_eq!(
        sampled(
            policy(),
            [span(1, 100), span(2, 101), span(3, 200), span(4, 201)]
        ),
        [2, 3]
    );
    // As in the Collector a trace is sampled that was as long as that before its last spans came.
    let longer = span(1, 500);
    assert_eq!(sampled(policy(), [span(1, 150), longer.clone()]), [1]);
    assert_eq!(sampled(policy(), [longer, span(1, 150)]), [0u128; 0]);
}

#[test]
fn numbers_are_those_of_spans_or_resources() {
    let policy = || {
        one(
            "numeric_attribute",
            json!({"key": "n", "min_value": 10, "max_value": 20}),
        )
    };
    let spans = [
        span(1, 1).attr("n", 9),
        span(2, 1).attr("n", 10),
        span(3, 1).attr("n", 20),
        span(4, 1).attr("n", 21),
        span(5, 1).attr("n", "15"),
        span(6, 1).attr("n", 15.0),
        span(7, 1),
    ];
    assert_eq!(sampled(policy(), spans), [2, 3]);
    let resource = Spans::new().resource([("n", 12)]).span(span(1, 1));
    assert_eq!(sampled_of(policy(), resource), [1]);
    // A bound of 0 is none, and what is no integer counts as 0.
    let policy = one("numeric_attribute", json!({"key": "n", "max_value": 20}));
    let spans = [
        span(1, 1).attr("n", "x"),
        span(2, 1).attr("n", -5),
        span(3, 1).attr("n", 21),
    ];
    assert_eq!(sampled(policy, spans), [1, 2]);
    let inverted = json!({"key": "n", "min_value": 10, "max_value": 20, "invert_match": true});
    let spans = [
        span(1, 1).attr("n", 15),
        span(1, 1),
        span(2, 1).attr("n", 9),
        span(3, 1),
    ];
    assert_eq!(sampled(one("numeric_attribute", inverted), spans), [2, 3]);
}

#[test]
fn texts_are_compared_whole_or_searched() {
    let exact = one(
        "string_attribute",
        json!({"key": "k", "values": ["a", "b", ""]}),
    );
    let spans = || {
        [
            span(1, 1).attr("k", "a"),
            span(2, 1).attr("k", "ab"),
            span(3, 1).attr("k", ""),
            span(4, 1).attr("k", 1),
            span(5, 1),
        ]
    };
    assert_eq!(sampled(exact, spans()), [1]);
    let regex = json!({"key": "k", "values": ["^a", "c+$"], "enabled_regex_matching": true});
    assert_eq!(sampled(one("string_attribute", regex), spans()), [1, 2]);
    let inverted = json!({"key": "k", "values": ["a"], "invert_match": true});
    assert_eq!(
        sampled(one("string_attribute", inverted), spans()),
        [2, 3, 4, 5]
    );
    // A resource's empty text is searched, a span's is not.
    let empty = || {
        one(
            "string_attribute",
            json!({"key": "k", "values": ["^$"], "enabled_regex_matching": true}),
        )
    };
    assert_eq!(sampled(empty(), spans()), [0u128; 0]);
    let resource = Spans::new().resource([("k", "")]).span(span(1, 1));
    assert_eq!(sampled_of(empty(), resource), [1]);
}

#[test]
fn booleans_are_compared() {
    let spans = || {
        [
            span(1, 1).attr("b", true),
            span(2, 1).attr("b", false),
            span(3, 1).attr("b", "true"),
            span(4, 1),
        ]
    };
    let policy = |value, invert| {
        one(
            "boolean_attribute",
            json!({"key": "b", "value": value, "invert_match": invert}),
        )
    };
    assert_eq!(sampled(policy(true, false), spans()), [1]);
    // What is no boolean counts as false.
    assert_eq!(sampled(policy(false, false), spans()), [2, 3]);
    assert_eq!(sampled(policy(true, true), spans()), [2, 3, 4]);
}

#[test]
fn status_codes_flags_and_trace_states_are_those_of_any_span() {
    let spans = [
        span(1, 1).status(2, ""),
        span(1, 1),
        span(2, 1).status(1, ""),
        span(3, 1),
    ];
    let policy = one("status_code", json!({"status_codes": ["ERROR", "UNSET"]}));
    assert_eq!(sampled(policy, spans), [1, 3]);
    let flagged = |trace, flags| {
        let mut span = span(trace, 1);
        span.flags = flags;
        span
    };
    let spans = [flagged(1, 1), flagged(2, 0x100), flagged(3, 0x301)];
    assert_eq!(sampled(one("trace_flags", json!({})), spans), [1, 3]);
    let spans = [
        span(1, 1).trace_state("a=1,b=2"),
        span(2, 1).trace_state("b=3"),
        span(3, 1).trace_state("b=2,b=2"),
        span(4, 1).trace_state("b=2,,x=y"),
    ];
    let policy = one("trace_state", json!({"key": "b", "values": ["2", "4"]}));
    assert_eq!(sampled(policy, spans), [1, 4]);
}

#[test]
fn conditions_in_ottl_are_asked_of_spans_and_events() {
    let policy = json!({"span": ["attributes[\"a\"] == 1", "name == \"x\""], "spanevent": ["name == \"boom\""]});
    let spans = [
        span(1, 1).attr("a", 1),
        span(2, 1).event(Event::new("boom")),
        span(3, 1).event(Event::new("bang")),
        Span::new("x").ids(4, 1),
    ];
    assert_eq!(sampled(one("ottl_condition", policy), spans), [1, 2, 4]);
}

#[test]
fn an_ottl_condition_that_fails_takes_its_policy_out() {
    let failing = "Substring(attributes[\"a\"], 0, 3) == \"abc\"";
    let policies = |mode| {
        json!([
            {"name": "o", "type": "ottl_condition", "ottl_condition": {"error_mode": mode, "span": [failing]}},
        ])
    };
    let spans = || {
        [
            // Fails before the one that holds; after it; not at all.
            span(1, 1).attr("a", "x"),
            span(1, 1).attr("a", "abcd"),
            span(2, 1).attr("a", "abcd"),
            span(2, 1).attr("a", "x"),
            span(3, 1).attr("a", "abce"),
        ]
    };
    assert_eq!(sampled(policies("propagate"), spans()), [2, 3]);
    assert_eq!(sampled(policies("ignore"), spans()), [1, 2, 3]);
}

#[test]
fn the_number_of_spans_is_counted_over_batches() {
    let mut kit = kit(one("span_count", json!({"min_spans": 2, "max_spans": 3})));
    for count in [1, 2, 3, 4] {
        for _ in 0..count {
            kit.run(&Spans::of([span(count, 1)]));
        }
    }
    let decided: Decided<Span> = kit.tick(2 * SECOND);
    assert_eq!(traces(&decided.released), [2, 3]);
}

/// Decisions of a Collector (0.158) with the default salt.
#[test]
fn a_share_is_that_of_the_collector() {
    let policy = |percentage| one("probabilistic", json!({"sampling_percentage": percentage}));
    let spans = || {
        (1..=1000u128).map(|trace| span(trace << 64 | trace.wrapping_mul(0x9e37_79b9_7f4a_7c15), 1))
    };
    let some = sampled(policy(10.0), spans());
    assert!((60..140).contains(&some.len()), "{}", some.len());
    let more = sampled(policy(50.0), spans());
    assert!(some.iter().all(|trace| more.contains(trace)));
    assert_eq!(sampled(policy(0.0), spans()), [0u128; 0]);
    assert_eq!(sampled(policy(100.0), spans()).len(), 1000);
}

#[test]
fn limits_let_pass_what_they_hold() {
    let policy = one("rate_limiting", json!({"spans_per_second": 2}));
    let spans = [1, 1, 1, 1, 1, 2, 2, 3, 3, 4].map(|trace| span(trace, 1));
    // Trace 1 is more than ever passes.
    assert_eq!(sampled(policy, spans), [2, 3]);
    let policy = one(
        "bytes_limiting",
        json!({"bytes_per_second": 1, "burst_capacity": 200}),
    );
    let large = span(2, 1).attr("a", "x".repeat(300).as_str());
    assert_eq!(sampled(policy, [span(1, 1), large, span(3, 1)]), [1, 3]);
}

#[test]
fn limits_may_be_kept_for_each_value_of_an_attribute() {
    let policy = one(
        "rate_limiting",
        json!({"spans_per_second": 1, "burst_capacity": 1, "per_attribute": "tenant"}),
    );
    let of = |trace, tenant: Attr| span(trace, 1).attr("tenant", tenant);
    let spans = [
        of(1, "a".into()),
        of(2, "a".into()),
        of(3, "b".into()),
        of(4, 1.into()),
        of(5, 1.into()),
        span(6, 1),
        span(7, 1),
    ];
    assert_eq!(sampled(policy, spans), [1, 3, 4, 6]);
}

#[test]
fn policies_are_combined() {
    let error =
        json!({"name": "e", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}});
    let slow = json!({"name": "l", "type": "latency", "latency": {"threshold_ms": 100}});
    let spans = || {
        [
            span(1, 1).status(2, ""),
            span(2, 200),
            span(3, 200).status(2, ""),
            span(4, 1),
        ]
    };
    let and = one(
        "and",
        json!({"and_sub_policy": [error.clone(), slow.clone()]}),
    );
    assert_eq!(sampled(and, spans()), [3]);
    let not = one("not", json!({"not_sub_policy": error.clone()}));
    assert_eq!(sampled(not, spans()), [2, 4]);
    let not_error = json!({"name": "n", "type": "not", "not": {"not_sub_policy": error.clone()}});
    let and_not = one(
        "and",
        json!({"and_sub_policy": [slow.clone(), not_error.clone()]}),
    );
    assert_eq!(sampled(and_not, spans()), [2]);
    // What is dropped is dropped, wherever the policy stands.
    let drop = json!([
        {"name": "all", "type": "always_sample"},
        {"name": "d", "type": "drop", "drop": {"drop_sub_policy": [slow, not_error]}},
    ]);
    assert_eq!(sampled(drop, spans()), [1, 3, 4]);
}

#[test]
fn composite_policies_share_spans_a_second() {
    let error =
        json!({"name": "e", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}});
    let all = json!({"name": "a", "type": "always_sample"});
    let composite = |percents: Value| {
        one(
            "composite",
            json!({
                "max_total_spans_per_second": 4,
                "policy_order": ["e", "a"],
                "composite_sub_policy": [error, all],
                "rate_allocation": percents,
            }),
        )
    };
    let spans = || {
        let errors = (1..=3).map(|trace| span(trace, 1).status(2, ""));
        errors.chain((4..=8).map(|trace| span(trace, 1)))
    };
    // Half of 4 spans each; what errors exceed is not sampled as something else.
    let halves = json!([{"policy": "e", "percent": 50}, {"policy": "a", "percent": 50}]);
    assert_eq!(sampled(composite(halves), spans()), [1, 2, 4, 5]);
    // 0 per cent is an equal share; without an allocation there is none.
    let equal = json!([{"policy": "e", "percent": 0}]);
    assert_eq!(sampled(composite(equal), spans()), [1, 2]);
}

#[test]
fn every_mistake_is_told() {
    let refused = |policies: Value| {
        let error = Kit::<TailSampling>::holding(json!({"policies": policies})).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    for (policies, expected) in [
        (
            json!([]),
            "/policies: there must be at least one; without any, every trace would be dropped",
        ),
        (
            json!([{"type": "always_sample"}]),
            "/policies/0/name: a policy needs a name",
        ),
        (
            json!([{"name": "a", "type": "latncy"}]),
            "/policies/0/type: unknown policy type \"latncy\"; did you mean `latency`?",
        ),
        (
            json!([{"name": "a", "type": "always_sample"}, {"name": "a", "type": "always_sample"}]),
            "/policies/1/name: \"a\" is the name of an earlier policy",
        ),
        (
            json!([{"name": "a", "type": "status_code", "status_code": {"status_codes": ["FINE"]}}]),
            "/policies/0/status_code/status_codes/0: unknown status code \"FINE\"; there are OK, ERROR and UNSET",
        ),
        (
            json!([{"name": "a", "type": "numeric_attribute", "numeric_attribute": {"key": "n"}}]),
            "/policies/0/numeric_attribute: min_value or max_value must be set, and not 0",
        ),
        (
            json!([{"name": "a", "type": "and", "and": {"and_sub_policy": [{"name": "c", "type": "composite"}]}}]),
            "/policies/0/and/and_sub_policy/0/type: composite policies stand at the top of the list only, not below and",
        ),
        (
            json!([{"name": "a", "type": "ottl_condition", "ottl_condition": {"span": ["nome == 1"]}}]),
            "/policies/0/ottl_condition/span/0: column 1: a span has no field `nome`; did you mean `name`?",
        ),
    ] {
        let said = refused(policies);
        assert!(said.contains(expected), "{said}\n{expected}");
    }
}
