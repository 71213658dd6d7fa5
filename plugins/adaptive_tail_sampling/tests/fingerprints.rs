//! What makes the fingerprint of a trace, and that each has a rate of its own.

use serde_json::{Value, json};
use spanmill_sdk::testing::{Span, Spans};

use crate::support::*;

fn percentage(goal: f64, attributes: Value) -> Value {
    json!([{"name": "p", "sampler": {
        "type": "adaptive_percentage", "goal_percentage": goal, "fingerprint_attributes": attributes,
    }}])
}

fn fingerprints(record: &str, attributes: Value, more: Value, spans: Spans) -> Vec<String> {
    let mut settings = json!({"record_fingerprint": record, "decision_delay": "1s"});
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    let mut kit = kit(percentage(100.0, attributes), settings);
    kit.run(&spans);
    let (released, _) = tick(&mut kit, SECOND);
    let mut all: Vec<String> = released
        .spans()
        .map(|span| {
            let [rule, _, fingerprint] = said(span);
            assert_eq!(rule, "p");
            fingerprint
        })
        .collect();
    all.dedup();
    all
}

fn two_services() -> Spans {
    Spans::new()
        .resource([("service.name", "shop")])
        .scope("lib", "1")
        .span(span(1).attr("route", "/b").attr("code", 200))
        .resource([("service.name", "cart")])
        .scope("lib", "1")
        .span(root(1).attr("route", "/a").attr("code", 404))
        .span(span(1).attr("route", "/b"))
}

#[test]
fn values_of_all_spans_are_collected() {
    let of = |attributes: Value| fingerprints("value", attributes, json!({}), two_services());
    assert_eq!(
        of(json!([
            "resource.attributes[\"service.name\"]",
            "span.attributes[\"route\"]",
            "root.attributes[\"code\"]",
            "scope.attributes[\"x\"]",
        ])),
        ["cart,shop•/a,/b•404•<missing>"]
    );
    assert_eq!(of(json!(["any.attributes[\"route\"]"])), ["/a,/b"]);
    assert_eq!(
        of(json!(["any.attributes[\"service.name\"]"])),
        ["cart,shop"]
    );
    assert_eq!(of(json!(["root.attributes[\"route\"]"])), ["/a"]);
}

#[test]
fn a_root_span_is_what_the_condition_says() {
    let more = json!({"root_span_condition": "span.attributes[\"code\"] == 200"});
    let attributes = json!(["root.attributes[\"route\"]"]);
    assert_eq!(
        fingerprints("value", attributes, more, two_services()),
        ["/b"]
    );
}

#[test]
fn values_of_all_types_are_texts() {
    let spans = at(
        0,
        [
            root(1).attr("v", 7),
            root(2).attr("v", true),
            root(3).attr("v", 1.5),
            root(4).attr("v", ""),
            root(5),
        ],
    );
    let attributes = json!(["span.attributes[\"v\"]"]);
    assert_eq!(
        fingerprints("value", attributes, json!({}), spans),
        ["7", "true", "1.5", "", "<missing>"]
    );
}

/// The hash is that of `echo -n 'shop' | sha256sum | cut -c1-16`.
#[test]
fn fingerprints_are_recorded_as_asked() {
    let spans = || {
        Spans::new()
            .resource([("service.name", "shop")])
            .span(root(1))
    };
    let of = |record: &str| {
        let attributes = json!(["resource.attributes[\"service.name\"]"]);
        fingerprints(record, attributes, json!({}), spans())
    };
    assert_eq!(of("value"), ["shop"]);
    assert_eq!(of("hash"), ["8d9001d32c6a703d"]);
    assert_eq!(of("none"), [""]);
}

/// The frequent fingerprint is sampled more strictly than the rare one, and the goal holds for both together.
#[test]
fn each_fingerprint_has_a_rate_of_its_own() {
    let rules = json!([{"name": "p", "sampler": {
        "type": "adaptive_percentage", "goal_percentage": 10, "min_traces": 0,
        "fingerprint_attributes": ["span.attributes[\"route\"]"],
    }}]);
    let mut kit = kit(rules, json!({"decision_delay": "1s"}));
    let (mut kept, mut came) = ([0, 0], [0, 0]);
    let mut number = 0;
    for second in 1..=120u64 {
        let routes = [("frequent", 190), ("rare", 10)];
        let spans: Vec<Span> = routes
            .iter()
            .enumerate()
            .flat_map(|(at, &(route, count))| {
                if second > 45 {
                    came[at] += count;
                }
                (0..count).map(move |n| (route, n))
            })
            .map(|(route, n)| {
                number += 1;
                // Spread evenly.
                let randomness = (number * 7919 % 200) as f64 / 200.0 + f64::from(n as u32) * 1e-9;
                root(trace(number, randomness)).attr("route", route)
            })
            .collect();
        kit.run(&at(second * SECOND, spans));
        let (released, _) = tick(&mut kit, (second + 1) * SECOND);
        for span in released.spans().filter(|_| second > 45) {
            let is_rare = span.get("route") == Some(&"rare".into());
            kept[usize::from(is_rare)] += 1;
            assert!(span.trace_state.starts_with("ot=th:"));
        }
    }
    let share = |at: usize| f64::from(kept[at]) / f64::from(came[at]);
    let whole = f64::from(kept[0] + kept[1]) / f64::from(came[0] + came[1]);
    assert!((0.09..0.11).contains(&whole), "{whole}");
    assert!(share(1) > 3.0 * share(0), "{} and {}", share(0), share(1));
}

#[test]
fn one_trace_of_each_fingerprint_is_kept_in_an_interval() {
    let mut kit = kit(
        percentage(0.001, json!(["span.attributes[\"route\"]"])),
        json!({"decision_delay": "1s"}),
    );
    let spans = (0..200).map(|n| {
        let route = format!("/{}", n % 20);
        root(trace(n, 0.1)).attr("route", route.as_str())
    });
    kit.run(&at(SECOND, spans));
    let (released, dropped) = tick(&mut kit, 2 * SECOND);
    assert_eq!((traces(&released).len(), traces(&dropped).len()), (20, 180));
    assert!(released.spans().all(|span| span.trace_state == "ot=th:0"));
}
