//! Traces go on whole once they have waited, and no span is lost.

use serde_json::{Value, json};
use spanmill_groupbytrace::GroupByTrace;
use spanmill_sdk::testing::{Decided, Kit, Span, Spans};

const SECOND: u64 = 1_000_000_000;

fn kit(settings: Value) -> Kit<GroupByTrace> {
    Kit::holding(settings).unwrap()
}

fn at(received: u64, traces: &[u128]) -> Spans {
    Spans {
        received_unix_nano: received,
        ..Spans::of(traces.iter().map(|trace| Span::new("s").ids(*trace, 1)))
    }
}

fn released(decided: &Decided<Span>) -> Vec<u128> {
    assert_eq!(decided.dropped.spans().count(), 0);
    let ids = decided
        .released
        .spans()
        .map(|span| u128::from_be_bytes(span.trace_id));
    ids.collect()
}

#[test]
fn traces_wait_and_go_on_whole() {
    let mut kit = kit(json!({"wait_duration": "5s"}));
    let out = kit.run(&at(SECOND, &[1, 2, 0]));
    assert_eq!(
        (out.held, out.span_names().len()),
        (2, 1),
        "what has no trace goes on"
    );
    kit.run(&at(3 * SECOND, &[3, 1]));
    assert_eq!(released(&kit.tick(6 * SECOND - 1)), [0u128; 0]);
    assert_eq!(released(&kit.tick(6 * SECOND)), [1, 1, 2]);
    // A span that comes late waits as long again.
    kit.run(&at(7 * SECOND, &[1]));
    assert_eq!(released(&kit.tick(8 * SECOND)), [3]);
    assert_eq!(released(&kit.tick(12 * SECOND)), [1]);
}

#[test]
fn the_oldest_go_on_early_where_there_is_no_room() {
    let mut kit = kit(json!({"num_traces": 2}));
    kit.run(&at(0, &[1, 2, 3, 1]));
    assert_eq!(released(&kit.tick(1)), [1, 1]);
    assert_eq!(released(&kit.end(2)), [2, 3]);
}

#[test]
fn another_instance_goes_on_with_what_waits() {
    let mut kit = kit(json!({"wait_duration": "5s"}));
    kit.run(&at(0, &[1]));
    kit.run(&at(2 * SECOND, &[2]));
    kit.hand_over(json!({"wait_duration": "1s"})).unwrap();
    assert_eq!(released(&kit.tick(SECOND)), [1]);
    kit.restart::<Span>(json!({})).unwrap();
    assert_eq!(released(&kit.tick(10 * SECOND)), [2]);
    let (format, data) = kit.snapshot();
    assert!(kit.restore(format + 1, &data).is_err());
    assert!(kit.restore(format, &[1, 2, 3]).is_err());
}

#[test]
fn every_mistake_is_told() {
    let settings = json!({"wait_duration": "-1s", "num_traces": 0, "discard_orphans": true});
    let error = Kit::<GroupByTrace>::holding(settings)
        .err()
        .unwrap()
        .to_string();
    assert_eq!(
        error,
        "/wait_duration: must not be negative; /num_traces: must be between 1 and 100000000; /discard_orphans: is not supported, nor is it by the Collector; remove it"
    );
}
