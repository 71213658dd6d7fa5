use serde_json::{Value, json};
use spanmill_sdk::testing::{Decided, Kit, Span, Spans};

use super::{TailSampler, is_sampled};

const MS: u64 = 1_000_000;
const SECOND: u64 = 1_000 * MS;

fn kit(settings: Value) -> Kit<TailSampler> {
    Kit::holding(settings).unwrap()
}

/// A span of a trace that takes so many ms.
fn span(trace: u128, name: &str, took: u64) -> Span {
    Span::new(name)
        .ids(trace, 1)
        .times(SECOND, SECOND + took * MS)
}

/// When spans of a test are received.
fn at(spans: impl IntoIterator<Item = Span>, received: u64) -> Spans {
    Spans {
        received_unix_nano: received,
        ..Spans::of(spans)
    }
}

fn names(spans: &Spans) -> Vec<&str> {
    spans.spans().map(|span| span.name.as_str()).collect()
}

#[test]
fn traces_with_an_error_and_slow_ones_are_kept_whole() {
    let mut kit = kit(json!({"wait": "5s", "slower_than": "500ms"}));
    let spans = [
        span(1, "fails", 10).status(2, "declined"),
        span(2, "slow", 501),
        span(3, "fast", 500),
    ];
    let out = kit.run(&at(spans, SECOND));
    assert_eq!((out.held, out.span_names().len()), (3, 0));
    // The trace with the error has another span, in another batch.
    kit.run(&at([span(1, "child", 5)], 2 * SECOND));
    let early: Decided<Span> = kit.tick(6 * SECOND - 1);
    assert_eq!((names(&early.released).len(), kit.traces_held()), (0, 3));
    let decided: Decided<Span> = kit.tick(6 * SECOND);
    assert_eq!(names(&decided.released), ["fails", "child", "slow"]);
    assert_eq!(names(&decided.dropped), ["fast"]);
}

#[test]
fn a_trace_is_as_slow_as_its_spans_together() {
    let mut kit = kit(json!({"slower_than": "1s"}));
    let late = Span::new("late").ids(1, 2);
    let late = late.times(2 * SECOND, 2 * SECOND + 1);
    kit.run(&at([span(1, "early", 1), late], 0));
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(names(&decided.released), ["early", "late"]);
}

#[test]
fn late_spans_follow_the_decision() {
    let mut kit = kit(json!({"wait": "1s"}));
    kit.run(&at([span(1, "a", 1).status(2, ""), span(2, "b", 1)], 0));
    let _: Decided<Span> = kit.tick(SECOND);
    let late = [
        span(1, "late a", 1),
        span(2, "late b", 1),
        Span::new("of no trace"),
    ];
    let out = kit.run(&at(late, 2 * SECOND));
    assert_eq!(
        (out.held, out.span_names()),
        (0, vec!["late a", "of no trace"])
    );
}

#[test]
fn a_share_of_the_others_is_kept() {
    let half = 1 << 55;
    assert!(is_sampled(half, 0.5) && !is_sampled(half - 1, 0.5));
    assert!(is_sampled(0, 1.0) && !is_sampled(u128::MAX, 0.0));
    let mut kit = kit(json!({"share": 0.5}));
    kit.run(&at([span(half, "in", 1), span(half - 1, "out", 1)], 0));
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(
        (names(&decided.released), names(&decided.dropped)),
        (vec!["in"], vec!["out"])
    );
}

#[test]
fn the_oldest_are_decided_on_early_where_there_are_too_many() {
    let mut kit = kit(json!({"most_traces": 2}));
    let spans = (1..=3).map(|trace| span(trace, &trace.to_string(), 1));
    kit.run(&at(spans, 0));
    let decided: Decided<Span> = kit.tick(1);
    assert_eq!((names(&decided.dropped), kit.traces_held()), (vec!["1"], 2));
}

#[test]
fn at_the_end_everything_is_decided_on() {
    let mut kit = kit(json!({}));
    kit.run(&at([span(1, "a", 1).status(2, ""), span(2, "b", 1)], 0));
    let decided: Decided<Span> = kit.end(1);
    assert_eq!(
        (names(&decided.released), names(&decided.dropped)),
        (vec!["a"], vec!["b"])
    );
}

#[test]
fn the_next_instance_learns_what_is_held() {
    let mut kit = kit(json!({"slower_than": "100ms"}));
    kit.run(&at([span(1, "a", 50), span(2, "b", 150).status(2, "")], 0));
    kit.restart::<Span>(json!({"slower_than": "20ms"})).unwrap();
    let decided: Decided<Span> = kit.tick(10 * SECOND);
    assert_eq!(names(&decided.released), ["a", "b"]);
}

#[test]
fn times_that_cannot_be_do_no_harm() {
    let mut kit = kit(json!({"slower_than": "1ms"}));
    let backwards = Span::new("backwards").ids(1, 1).times(u64::MAX, 0);
    kit.run(&at([backwards], u64::MAX));
    let decided: Decided<Span> = kit.tick(u64::MAX);
    assert_eq!(names(&decided.dropped), ["backwards"]);
}

#[test]
fn every_mistake_in_the_settings_is_told() {
    let refused = |settings| {
        let error = Kit::<TailSampler>::holding(settings).err();
        error.map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(
        refused(json!({"wait": "0s", "share": 2, "most_traces": 0})),
        "/wait: must be above 0; /share: must be between 0 and 1; /most_traces: must be between 1 and 200000"
    );
    for wrong in [
        "10",
        "s",
        "1.5s",
        "10 s",
        "10h",
        "-1s",
        "99999999999999999999s",
        "9999999999999m",
    ] {
        assert_eq!(
            refused(json!({"slower_than": wrong})),
            "/slower_than: must be a whole number with a unit (ms, s or m), as in 500ms or 10s",
            "{wrong}"
        );
    }
    assert_eq!(
        refused(json!({"waits": "1s"})),
        "/waits: unknown key `waits`; did you mean `wait`?"
    );
}
