//! Arithmetic over rows whose attributes are of several types.

use serde_json::json;
use spanmill_sdk::testing::{Attr, Kit, Span, Spans};
use spanmill_transform::Transform;

/// What a span has: `twice`, `part`, `took`, and its name.
type Row = (Option<Attr>, Option<Attr>, Option<Attr>, &'static str);

#[test]
fn arithmetic_takes_each_row_as_it_is() {
    let spans = [Attr::from(7), 0.into(), 3.5.into(), "7".into()].map(|value| {
        let span = Span::new("a").times(100, 350);
        span.attr("n", value)
    });
    let spans = spans.into_iter().chain([Span::new("none").times(1, 2)]);
    let spans = spans.fold(Spans::new(), Spans::span);
    let settings = json!({
        "error_mode": "silent",
        "trace_statements": [
            r#"set(span.attributes["twice"], span.attributes["n"] * 2 + 1)"#,
            r#"set(span.attributes["part"], 21 / span.attributes["n"])"#,
            r#"set(span.attributes["took"], span.end_time_unix_nano - span.start_time_unix_nano)"#,
            r#"set(span.name, "long") where span.end_time_unix_nano - span.start_time_unix_nano > 100"#,
            r#"set(span.kind, span.kind + 1)"#,
        ],
    });
    let changed = Kit::<Transform>::new(settings).unwrap().run(&spans);
    let got = (0..5).map(|at| {
        let span = changed.span(at);
        let get = |key: &str| span.get(key).cloned();
        (get("twice"), get("part"), get("took"), span.name.as_str())
    });
    let expected: [Row; 5] = [
        (Some(15.into()), Some(3.into()), Some(250.into()), "long"),
        (Some(1.into()), None, Some(250.into()), "long"),
        (Some(8.0.into()), Some(6.0.into()), Some(250.into()), "long"),
        (None, None, Some(250.into()), "long"),
        (None, None, Some(1.into()), "none"),
    ];
    assert_eq!(got.collect::<Vec<_>>(), expected);
    assert_eq!(changed.span(0).kind, 1);
}
