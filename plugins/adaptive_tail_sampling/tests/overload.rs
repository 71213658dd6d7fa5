//! When there is little room left.

use serde_json::json;
use spanmill_sdk::Level;
use spanmill_sdk::testing::{Decided, Span};

use crate::support::*;

fn overloaded() -> Plugin {
    let more = json!({
        "num_traces": 10, "decision_delay": "1s",
        "overload": {"activation_level": 80, "deactivation_level": 50, "minimum_activation_duration": "3s", "sampling_percentage": 25},
    });
    let mut kit = kit(all(), more);
    let out = kit.run(&at(SECOND, (1..=8).map(|n| span(trace(n, 0.1)))));
    assert_eq!((out.held, out.logs.len()), (8, 0));
    kit
}

#[test]
fn new_traces_are_sampled_at_once() {
    let mut kit = overloaded();
    let (upper, lower) = (trace(21, 0.75), trace(22, 0.74));
    let spans = [
        root(upper),
        root(lower),
        span(upper),
        span(lower),
        // One that waits goes on waiting.
        span(trace(1, 0.1)),
        root(trace(23, 0.8)).trace_state("ot=th:e"),
        root(trace(24, 0.1)).trace_state("ot=rv:d0000000000000;th:4,a=b"),
    ];
    let out = kit.run(&at(SECOND, spans));
    assert_eq!(
        (out.held, traces(&out.left)),
        (1, vec![upper, upper, trace(24, 0.1)])
    );
    let states: Vec<&str> = out
        .left
        .spans()
        .map(|span| span.trace_state.as_str())
        .collect();
    assert_eq!(
        states,
        ["ot=th:c", "ot=th:c", "ot=rv:d0000000000000;th:c,a=b"]
    );
    assert!(
        out.left
            .spans()
            .all(|span| said(span) == ["_overload", "overload", ""])
    );
    let [(level, message)] = out.logs.as_slice() else {
        panic!("{:?}", out.logs);
    };
    assert_eq!(*level, Level::Warn);
    assert_eq!(
        message,
        "little room left: 80 % of num_traces is taken; 25 % of new traces are kept, and not held, until it is below 50 %; raise num_traces, or lower trace_timeout and decision_delay"
    );
    // It is said once.
    let again = kit.run(&at(SECOND, [root(trace(25, 0.2))]));
    assert_eq!((again.held, again.logs.len()), (0, 0));
    let decided: Decided<Span> = kit.tick(SECOND);
    let count = |name: &str| decided.count(&format!("processor_adaptive_tail_sampling_{name}"));
    assert_eq!(
        (
            count("overload_spans_sampled"),
            count("overload_spans_dropped"),
            count("traces_sampled__overload"),
            count("traces_dropped__overload"),
            count("decision_triggers_overload"),
        ),
        (2, 3, 2, 3, 5)
    );
}

#[test]
fn it_ends_when_there_is_room_again() {
    let mut kit = overloaded();
    kit.run(&at(SECOND, [root(trace(30, 0.9)), root(trace(31, 0.1))]));
    // Four leave: there is room, but not for long enough.
    kit.run(&at(SECOND, (1..=4).map(|n| root(trace(n, 0.1)))));
    tick(&mut kit, 2 * SECOND);
    assert_eq!(kit.traces_held(), 4);
    assert_eq!(kit.run(&at(3 * SECOND, [root(trace(32, 0.1))])).held, 0);
    let decided: Decided<Span> = kit.tick(4 * SECOND);
    assert_eq!(
        decided.logs,
        [(
            Level::Info,
            "there is room again: of new traces 1 spans were kept and 2 dropped in 3 s".to_owned()
        )]
    );
    // Late spans of the traces that were sampled at once follow that.
    let late = kit.run(&at(
        5 * SECOND,
        [
            span(trace(30, 0.9)),
            span(trace(31, 0.1)),
            span(trace(33, 0.1)),
        ],
    ));
    assert_eq!((late.held, traces(&late.left)), (1, vec![trace(30, 0.9)]));
    assert_eq!(late.span(0).trace_state, "ot=th:c");
}

#[test]
fn bytes_are_room_as_well() {
    let more = json!({"max_bytes": 2000, "overload": {"sampling_percentage": 1}});
    let mut kit = kit(all(), more);
    let large = |trace| span(trace).attr("a", "x".repeat(900).as_str());
    kit.run(&at(SECOND, [large(1), large(2)]));
    let out = kit.run(&at(SECOND, [span(3)]));
    assert_eq!(out.held, 0);
    assert!(
        out.logs[0].1.contains("of max_bytes is taken")
            && out.logs[0].1.ends_with("raise max_bytes"),
        "{:?}",
        out.logs
    );
}

#[test]
fn it_is_handed_on() {
    let mut kit = overloaded();
    kit.run(&at(SECOND, [root(trace(40, 0.1))]));
    kit.run(&at(SECOND, (1..=3).map(|n| root(trace(n, 0.1)))));
    tick(&mut kit, 2 * SECOND);
    let more = json!({
        "num_traces": 10, "decision_delay": "1s",
        "overload": {"activation_level": 80, "deactivation_level": 50, "minimum_activation_duration": "3s", "sampling_percentage": 25},
    });
    kit.hand_over(settings(all(), more)).unwrap();
    assert_eq!(kit.run(&at(3 * SECOND, [root(trace(41, 0.1))])).held, 0);
    // Without the setting there is none.
    kit.hand_over(settings(all(), json!({"num_traces": 10})))
        .unwrap();
    assert_eq!(kit.run(&at(3 * SECOND, [root(trace(42, 0.1))])).held, 1);
}
