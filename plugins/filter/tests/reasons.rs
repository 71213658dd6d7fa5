//! Which condition dropped what, as operators are told.

use serde_json::json;
use spanmill_filter::Filter;
use spanmill_sdk::testing::{Event, Kit, LogRecord, Logs, Span, Spans};

#[test]
fn the_condition_that_held_first_is_told_by_its_place_and_text() {
    let settings = json!({"error_mode": "ignore", "traces": {
        "resource": [r#"attributes["service.name"] == "debug""#],
        "span": [r#"name == "probe""#, r#"attributes["http.route"] == "/healthz""#],
        "spanevent": [r#"name == "retry""#],
    }});
    let mut kit = Kit::<Filter>::new(settings).unwrap();
    let spans = Spans::new()
        .resource([("service.name", "cart")])
        .span(Span::new("probe").attr("http.route", "/healthz"))
        .span(Span::new("order").event(Event::new("retry")))
        .span(Span::new("check").attr("http.route", "/healthz"))
        .resource([("service.name", "debug")])
        .span(Span::new("probe"));
    kit.run(&spans);
    assert_eq!(kit.why(), [""; 4]);
    kit.explain();
    let told = [
        r#"traces.span[0]: name == "probe""#,
        "",
        r#"traces.span[1]: attributes["http.route"] == "/healthz""#,
        r#"traces.resource[0]: attributes["service.name"] == "debug""#,
    ];
    // A second batch knows nothing of the first.
    for _ in 0..2 {
        let out = kit.run(&spans);
        assert_eq!(out.span_names(), ["order"]);
        assert_eq!(kit.why(), told);
    }
    kit.run(&Spans::of([Span::new("order")]));
    assert_eq!(kit.why(), [""]);
}

#[test]
fn groups_of_conditions_are_told_by_their_place_among_the_groups() {
    let settings = json!({"log_conditions": [
        {"context": "log", "conditions": ["severity_number < 5"]},
        {"context": "scope", "conditions": ["false", "name == \"noisy\""]},
    ]});
    let mut kit = Kit::<Filter>::new(settings).unwrap();
    kit.explain();
    let records = Logs::new()
        .scope("noisy", "1")
        .log(LogRecord::new("a").severity(9, ""))
        .log(LogRecord::new("b").severity(1, ""));
    kit.run(&records);
    assert_eq!(
        kit.why(),
        [
            "log_conditions[1].conditions[1]: name == \"noisy\"",
            "log_conditions[0].conditions[0]: severity_number < 5",
        ]
    );
}
