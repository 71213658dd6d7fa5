//! Consistent sampling of spans and log records. What is expected is what the Collector (0.158) made of the same items.

use serde_json::{Value, json};
use spanmill_probabilistic_sampler::ProbabilisticSampler;
use spanmill_sdk::testing::{Kit, LogRecord, Logs, Span, Spans};

fn kit(mode: &str, settings: Value) -> Kit<ProbabilisticSampler> {
    let mut all = json!({"mode": mode, "sampling_percentage": 25});
    all.as_object_mut()
        .unwrap()
        .extend(settings.as_object().unwrap().clone());
    Kit::new(all).unwrap()
}

/// Trace ids by the randomness that they have: their last 56 bits.
const LOW: u128 = 1 << 120 | 1;
const HALF: u128 = 1 << 120 | 0x80 << 48;
const HIGH: u128 = 1 << 120 | 0xc0 << 48;
const HIGHEST: u128 = 1 << 120 | 0xff << 48;

/// Names and trace states of the spans that are kept.
fn kept(mode: &str, settings: Value, spans: &[(&str, u128, &str)]) -> Vec<(String, String)> {
    let spans = spans
        .iter()
        .map(|(name, id, state)| Span::new(name).ids(*id, 1).trace_state(state));
    let out = kit(mode, settings).run(&Spans::of(spans));
    let left = out.left.spans();
    left.map(|span| (span.name.clone(), span.trace_state.clone()))
        .collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs
        .map(|(name, state)| (name.to_owned(), state.to_owned()))
        .to_vec()
}

#[test]
fn equalizing_keeps_what_was_sampled_harder_before() {
    let spans = [
        ("low", LOW, ""),
        ("half", HALF, ""),
        ("high", HIGH, ""),
        ("highest", HIGHEST, "vendor=x"),
        ("low but rv", LOW, "ot=rv:d0000000000000"),
        ("high but rv", HIGH, "ot=rv:10000000000000"),
        ("harder", HIGHEST, "ot=th:f;k:v"),
        ("softer", HIGH, "ot=th:8"),
        ("as hard", HIGHEST, "ot=th:c0"),
    ];
    assert_eq!(
        kept("equalizing", json!({}), &spans),
        pairs([
            ("high", "ot=th:c"),
            ("highest", "ot=th:c,vendor=x"),
            ("low but rv", "ot=rv:d0000000000000;th:c"),
            ("harder", "ot=th:f;k:v"),
            ("softer", "ot=th:c"),
            ("as hard", "ot=th:c"),
        ])
    );
}

#[test]
fn proportional_keeps_a_share_of_what_comes() {
    let spans = [
        ("half", HALF, ""),
        ("high", HIGH, ""),
        ("high of half", HIGH, "ot=th:8"),
        ("highest of half", HIGHEST, "ot=th:8"),
        ("highest of few", HIGHEST, "ot=th:ffffffffffffff"),
    ];
    assert_eq!(
        kept("proportional", json!({}), &spans),
        pairs([("high", "ot=th:c"), ("highest of half", "ot=th:e")])
    );
    let third = kept(
        "proportional",
        json!({"sampling_percentage": 33.3, "sampling_precision": 2}),
        &[("high", HIGH, "")],
    );
    assert_eq!(third, pairs([("high", "ot=th:ab")]));
}

#[test]
fn what_cannot_be_decided_about_fails_closed_or_open() {
    let spans = [
        ("no id", 0, ""),
        ("no id but rv", 0, "ot=rv:f0000000000000"),
        ("malformed", HIGHEST, "nonsense"),
        // A sampler with this threshold would not have kept it.
        ("inconsistent", LOW, "ot=th:8"),
    ];
    for mode in ["equalizing", "proportional"] {
        assert_eq!(
            kept(mode, json!({}), &spans),
            pairs([("no id but rv", "ot=rv:f0000000000000;th:c")])
        );
        assert_eq!(
            kept(mode, json!({"fail_closed": false}), &spans),
            pairs([
                ("no id", "ot=th:0"),
                ("no id but rv", "ot=rv:f0000000000000;th:c"),
                ("malformed", "nonsense"),
                ("inconsistent", "ot=th:0"),
            ])
        );
    }
}

#[test]
fn priority_comes_first() {
    let span = |name: &str, state: &str| Span::new(name).ids(1, 1).trace_state(state);
    let spans = [
        span("keep", "").attr("sampling.priority", 1),
        span("keep sampled", "ot=rv:f0000000000000;th:80").attr("sampling.priority", "2.5"),
        span("drop", "ot=rv:f0000000000000").attr("sampling.priority", 0),
    ];
    let out = kit("equalizing", json!({})).run(&Spans::of(spans));
    let left = out.left.spans();
    let left: Vec<_> = left
        .map(|span| (span.name.clone(), span.trace_state.clone()))
        .collect();
    assert_eq!(
        left,
        pairs([
            ("keep", "ot=th:0"),
            ("keep sampled", "ot=rv:f0000000000000;th:80"),
        ])
    );
    assert_eq!(out.count("spans_sampled"), 2);
    assert_eq!(out.count("spans_not_sampled"), 1);
}

#[test]
fn a_percentage_of_zero_keeps_nothing_in_any_mode() {
    for mode in ["equalizing", "proportional", "hash_seed"] {
        let none = json!({"sampling_percentage": 0});
        assert_eq!(kept(mode, none, &[("highest", HIGHEST, "")]), []);
    }
}

#[test]
fn log_records_say_it_in_their_attributes() {
    let record = |name: &str, id: u128| LogRecord::new(name).ids(id, 1);
    let (rv, th) = ("sampling.randomness", "sampling.threshold");
    let records = || {
        Logs::of([
            record("low", LOW),
            record("high", HIGHEST),
            record("rv", LOW).attr(rv, "d0000000000000"),
            record("harder", HIGHEST).attr(th, "f"),
            record("inconsistent", LOW).attr(th, "8"),
            record("malformed", HIGHEST).attr(th, "xyz"),
            LogRecord::new("no id"),
            record("asks", HALF).attr("prio", 50),
        ])
    };
    let kept = |mode: &str, settings: Value| {
        let out = kit(mode, settings).run(&records());
        let text = |it: &LogRecord, key: &str| match it.get(key) {
            Some(spanmill_sdk::testing::Attr::Text(text)) => text.clone(),
            _ => "-".to_owned(),
        };
        let bodies = out.log_bodies();
        let states = out
            .left
            .logs()
            .map(|it| format!("{} {}", text(it, rv), text(it, th)));
        bodies
            .into_iter()
            .zip(states)
            .map(|(name, state)| format!("{name}: {state}"))
            .collect::<Vec<_>>()
    };
    // What is an attribute for hashes has no part in it.
    let settings =
        json!({"sampling_priority": "prio", "from_attribute": "id", "attribute_source": "record"});
    assert_eq!(
        kept("equalizing", settings),
        [
            "high: - c",
            "rv: d0000000000000 c",
            "harder: - f",
            "asks: - 8"
        ]
    );
    assert_eq!(
        kept("proportional", json!({"fail_closed": false})),
        [
            "high: - c",
            "rv: d0000000000000 c",
            "harder: - fc",
            "inconsistent: - 0",
            "malformed: - xyz",
            "no id: - 0",
        ]
    );
}
