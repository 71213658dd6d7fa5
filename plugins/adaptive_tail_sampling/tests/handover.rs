//! Other rules, other versions, and instances that know nothing.

use serde_json::{Value, json};
use spanmill_sdk::testing::{Decided, Span};

use crate::support::*;

const ERRORS: &str = "span.status.code == STATUS_CODE_ERROR";

fn rules(conditions: Value) -> Value {
    json!([{"name": "r", "conditions": conditions, "sampler": {"type": "always_sample"}}])
}

fn quick() -> Value {
    json!({"decision_delay": "1s"})
}

#[test]
fn other_rules_take_over_what_is_known() {
    let mut kit = kit(rules(json!([ERRORS])), quick());
    kit.run(&at(SECOND, [error(1), root(1), span(2), root(2), error(3)]));
    // The same condition in another place: nothing has to be shown again.
    let other = json!([
        {"name": "none", "match": "same_span", "conditions": [ERRORS], "sampler": {"type": "probabilistic", "sampling_percentage": 0.0000001}},
        {"name": "r", "sampler": {"type": "always_sample"}},
    ]);
    kit.hand_over(settings(other, quick())).unwrap();
    let first: Decided<Span> = kit.tick(2 * SECOND);
    assert_eq!(first.reviewed, 0);
    assert_eq!(
        (traces(&first.released), traces(&first.dropped)),
        (vec![2, 2], vec![1, 1])
    );
    // Decisions are handed on as well.
    kit.hand_over(settings(rules(json!([ERRORS])), quick()))
        .unwrap();
    let out = kit.run(&at(3 * SECOND, [span(1), span(2)]));
    assert_eq!((out.held, traces(&out.left)), (0, vec![2]));
    assert_eq!(said(out.span(0)), ["r", "root_span", ""]);
    // The timeout of the third runs on.
    let (released, _) = tick(&mut kit, 32 * SECOND);
    assert_eq!(traces(&released), [3]);
}

#[test]
fn what_other_rules_ask_is_looked_up_in_what_is_held() {
    let mut kit = kit(rules(json!([ERRORS])), json!({}));
    kit.run(&at(
        SECOND,
        [span(1).attr("k", "v"), span(2), error(3), root(4)],
    ));
    let other = rules(json!(["span.attributes[\"k\"] == \"v\""]));
    kit.hand_over(settings(other, json!({}))).unwrap();
    let first: Decided<Span> = kit.tick(SECOND);
    assert_eq!(first.reviewed, 4);
    kit.run(&at(2 * SECOND, [span(2).attr("k", "v")]));
    // What had been triggered is due as it was.
    let (_, dropped) = tick(&mut kit, 3 * SECOND);
    assert_eq!(traces(&dropped), [4]);
    let decided: Decided<Span> = kit.tick(33 * SECOND);
    assert_eq!(
        (traces(&decided.released), traces(&decided.dropped)),
        (vec![1, 2, 2], vec![3])
    );
}

#[test]
fn another_root_condition_is_asked_of_what_is_held() {
    let mut kit = kit(rules(json!([])), quick());
    kit.run(&at(SECOND, [span(1).attr("entry", true), span(2)]));
    let more = json!({"decision_delay": "1s", "root_span_condition": "span.attributes[\"entry\"] == true"});
    kit.hand_over(settings(rules(json!([])), more)).unwrap();
    let first: Decided<Span> = kit.tick(SECOND);
    assert_eq!(first.reviewed, 2);
    // The kit shows spans again as received at the beginning of time.
    let (released, _) = tick(&mut kit, 2 * SECOND);
    assert_eq!((traces(&released), kit.traces_held()), (vec![1], 1));
}

fn percentage(goal: f64, attribute: &str, more: Value) -> Value {
    let mut sampler = json!({
        "type": "adaptive_percentage", "goal_percentage": goal, "min_traces": 0,
        "fingerprint_attributes": [format!("span.attributes[\"{attribute}\"]")],
    });
    for (key, value) in more.as_object().unwrap() {
        sampler[key] = value.clone();
    }
    json!([{"name": "p", "sampler": sampler}])
}

#[test]
fn fingerprints_are_taken_over_or_looked_up() {
    for (attribute, reviewed) in [("route", 0), ("code", 2)] {
        let more = json!({"decision_delay": "1s", "record_fingerprint": "value"});
        let mut kit = kit(percentage(100.0, "route", json!({})), more.clone());
        let of = |trace, route: &str, code| root(trace).attr("route", route).attr("code", code);
        kit.run(&at(
            SECOND,
            [of(1, "/a", 1), of(1, "/b", 1), of(2, "/c", 2)],
        ));
        kit.hand_over(settings(percentage(100.0, attribute, json!({})), more))
            .unwrap();
        let first: Decided<Span> = kit.tick(SECOND);
        assert_eq!(first.reviewed, reviewed);
        let (released, _) = tick(&mut kit, 2 * SECOND);
        let found: Vec<String> = released.spans().map(|span| said(span)[2].clone()).collect();
        let expected = match attribute {
            "route" => ["/a,/b", "/a,/b", "/c"],
            _ => ["1", "1", "2"],
        };
        assert_eq!(found, expected);
    }
}

/// What was learned of the traffic outlives another goal: the new one holds from the first trace on.
#[test]
fn samplers_go_on_where_they_were() {
    let mut kit = kit(percentage(50.0, "route", json!({})), quick());
    let mut number = 0;
    let mut second = |kit: &mut Plugin, now: u64| {
        let routes = (0..100).map(|n| if n < 90 { "frequent" } else { "rare" });
        let spans: Vec<Span> = routes
            .enumerate()
            .map(|(n, route)| {
                number += 1;
                let randomness = (n * 7 % 90) as f64 / 90.0 + number as f64 * 1e-9;
                root(trace(number, randomness)).attr("route", route)
            })
            .collect();
        kit.run(&at(now * SECOND, spans));
        let (released, _) = tick(kit, (now + 1) * SECOND);
        let states = released.spans().map(|span| span.trace_state.clone());
        let mut states: Vec<String> = states.collect();
        states.sort();
        states.dedup();
        (released.spans().count(), states)
    };
    for now in 1..=60 {
        second(&mut kit, now);
    }
    let (before, states) = second(&mut kit, 61);
    assert_eq!(states.len(), 2, "{states:?}");
    assert!((45..=55).contains(&before), "{before}");
    kit.hand_over(settings(percentage(10.0, "route", json!({})), quick()))
        .unwrap();
    let (after, states) = second(&mut kit, 62);
    assert_eq!(states.len(), 2, "{states:?}");
    assert!((7..=13).contains(&after), "{after}");
}

#[test]
fn a_new_instance_learns_what_is_held() {
    let mut kit = kit(rules(json!([ERRORS])), quick());
    kit.run(&at(
        SECOND,
        [error(1), span(2), span(1), root(1), root(2), span(3)],
    ));
    kit.restart::<Span>(settings(rules(json!([ERRORS])), quick()))
        .unwrap();
    let decided: Decided<Span> = kit.tick(2 * SECOND);
    assert_eq!(
        (traces(&decided.released), traces(&decided.dropped)),
        (vec![1, 1, 1], vec![2, 2])
    );
    let decided: Decided<Span> = kit.tick(40 * SECOND);
    assert_eq!(traces(&decided.dropped), [3]);
}

/// A host tries a new version on a copy of the state first.
#[test]
fn only_the_last_state_counts() {
    let of = || settings(percentage(50.0, "route", json!({})), quick());
    let mut kit = Plugin::holding(of()).unwrap();
    kit.run(&at(SECOND, [root(1).attr("route", "/a"), span(2)]));
    let (format, first) = kit.snapshot();
    tick(&mut kit, 2 * SECOND);
    kit.run(&at(3 * SECOND, [root(3).attr("route", "/b"), span(2)]));
    let (_, second) = kit.snapshot();
    let (mut once, mut twice) = (
        Plugin::holding(of()).unwrap(),
        Plugin::holding(of()).unwrap(),
    );
    once.restore(format, &second).unwrap();
    twice.restore(format, &first).unwrap();
    twice.restore(format, &second).unwrap();
    assert!(once.snapshot() == twice.snapshot());
}

#[test]
fn a_state_that_is_none_is_refused() {
    let mut kit = kit(percentage(50.0, "route", json!({})), quick());
    let spans = [
        root(1).attr("route", "/a"),
        root(2).attr("route", "/b"),
        root(3),
    ];
    kit.run(&at(SECOND, spans));
    tick(&mut kit, 2 * SECOND);
    kit.run(&at(3 * SECOND, [span(4).attr("route", "/c")]));
    let (format, data) = kit.snapshot();
    let fresh =
        || Plugin::holding(settings(percentage(50.0, "route", json!({})), quick())).unwrap();
    assert!(fresh().restore(format, &data).is_ok());
    assert!(fresh().restore(format + 1, &data).is_err());
    for length in 0..data.len() {
        assert!(fresh().restore(format, &data[..length]).is_err());
    }
    let longer: Vec<u8> = data.iter().copied().chain([0]).collect();
    assert!(fresh().restore(format, &longer).is_err());
    // Whatever else comes: it is taken or refused, and nothing breaks.
    for at in 0..data.len() {
        for flip in [1, 0x80, 0xff] {
            let mut other = data.clone();
            other[at] ^= flip;
            let mut kit = fresh();
            if kit.restore(format, &other).is_ok() {
                kit.run(&crate::support::at(
                    4 * SECOND,
                    [root(4), root(5).attr("route", "/a")],
                ));
            }
        }
    }
}
