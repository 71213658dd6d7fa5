//! Names, what is taken out of them, and the status.

use serde_json::{Value as Json, json};
use spanmill_sdk::testing::{Attr, Kit, Spans};
use spanmill_span::Span as SpanProcessor;

type Span = spanmill_sdk::testing::Span;

fn run(settings: Json, spans: impl IntoIterator<Item = Span>) -> Vec<Span> {
    let mut kit = Kit::<SpanProcessor>::new(settings).unwrap();
    kit.run(&Spans::of(spans)).left.spans().cloned().collect()
}

fn names(spans: &[Span]) -> Vec<&str> {
    spans.iter().map(|span| span.name.as_str()).collect()
}

#[test]
fn names_are_joined_of_attributes_of_any_type() {
    let settings = json!({"name": {"from_attributes": ["a", "b"], "separator": "::"}});
    let of = |a: Attr, b: Attr| Span::new("before").attr("a", a).attr("b", b);
    let spans = run(
        settings,
        [
            of("get".into(), 7.into()),
            of("get".into(), 7.into()),
            of(true.into(), 1e21.into()),
            of(f64::NEG_INFINITY.into(), 0.5.into()),
            of(Attr::Array(vec![]), Attr::Empty),
            of("".into(), "x".into()),
            Span::new("kept").attr("a", "only one of two"),
            Span::new("bare"),
        ],
    );
    assert_eq!(
        names(&spans),
        [
            "get::7",
            "get::7",
            "true::1000000000000000000000",
            "-Inf::0.5",
            "<unknown-attribute-type>::<unknown-attribute-type>",
            "::x",
            "kept",
            "bare"
        ]
    );
}

#[test]
fn one_attribute_is_the_name_as_it_stands() {
    let spans = run(
        json!({"name": {"from_attributes": ["http.route"]}}),
        [
            Span::new("a").attr("http.route", "/users/{id}"),
            Span::new("b").attr("http.route", 3),
            Span::new("c"),
        ],
    );
    assert_eq!(names(&spans), ["/users/{id}", "3", "c"]);
}

#[test]
fn rules_take_attributes_out_of_names_one_after_the_other() {
    let rules = json!([
        r"^\/api\/v1\/document\/(?P<document>[0-9]+)\/(?P<action>.*)$",
        r"^\/api\/(?P<version>v[0-9])",
    ]);
    let span = |name: &str| Span::new(name).attr("action", "overwritten");
    let before = ["/api/v1/document/12345/update", "/api/v2/x", "other", ""];
    let attributes = |span: &Span| {
        ["document", "action", "version"].map(|key| match span.get(key) {
            Some(Attr::Text(text)) => text.clone(),
            _ => String::new(),
        })
    };
    let spans = run(
        json!({"name": {"to_attributes": {"rules": rules}}}),
        before.map(span),
    );
    assert_eq!(
        names(&spans),
        [
            "/api/{version}/document/{document}/{action}",
            "/api/{version}/x",
            "other",
            ""
        ]
    );
    let found: Vec<_> = spans.iter().map(attributes).collect();
    assert_eq!(found[0], ["12345", "update", "v1"]);
    assert_eq!(found[1], ["", "overwritten", "v2"]);
    assert_eq!(found[2], ["", "overwritten", ""]);

    // The first rule that matches is the last, and names stay.
    let extract = json!({"rules": rules, "break_after_match": true, "keep_original_name": true});
    let settings = json!({"name": {"to_attributes": extract}});
    let kit = Kit::<SpanProcessor>::new(settings.clone()).unwrap();
    assert!(!kit.writes().contains(&"span.name"));
    let spans = run(settings, before.map(span));
    assert_eq!(names(&spans), before);
    assert_eq!(attributes(&spans[0]), ["12345", "update", ""]);
    assert_eq!(attributes(&spans[1]), ["", "overwritten", "v2"]);
}

#[test]
fn groups_may_be_nested_take_no_part_or_have_no_name() {
    let rule = r"(?P<outer>a(?P<inner>b))(?P<absent>x)?([0-9]+)";
    let spans = run(
        json!({"name": {"to_attributes": {"rules": [rule, "(?P<inner>c)"]}}}),
        [Span::new("ab12c")],
    );
    assert_eq!(names(&spans), ["{outer}{}{inner}"]);
    assert_eq!(spans[0].get("outer"), Some(&"ab".into()));
    assert_eq!(spans[0].get("inner"), Some(&"c".into()), "the last counts");
    assert_eq!(spans[0].get("absent"), None);
    assert_eq!(spans[0].get(""), Some(&"12".into()));
}

#[test]
fn rules_see_the_name_that_attributes_made() {
    let settings = json!({"name": {
        "from_attributes": ["route"],
        "to_attributes": {"rules": ["/users/(?P<user>[^/]+)"]},
    }});
    let spans = run(
        settings,
        [
            Span::new("a").attr("route", "/users/1"),
            Span::new("/users/2"),
            Span::new("c").attr("route", 5),
        ],
    );
    assert_eq!(names(&spans), ["/users/{user}", "/users/{user}", "5"]);
    assert_eq!(spans[0].get("user"), Some(&"1".into()));
    assert_eq!(spans[1].get("user"), Some(&"2".into()));
}

#[test]
fn a_status_is_set_with_its_description() {
    for (settings, code, message) in [
        (json!({"code": "Error", "description": "why"}), 2, "why"),
        (json!({"code": "Error"}), 2, ""),
        (json!({"code": "Ok"}), 1, ""),
        (json!({"code": "Unset"}), 0, ""),
    ] {
        let spans = run(
            json!({ "status": settings }),
            [Span::new("a").status(2, "before"), Span::new("b")],
        );
        for span in spans {
            assert_eq!(
                (span.status_code, span.status_message.as_str()),
                (code, message)
            );
        }
    }
}

#[test]
fn only_the_spans_that_are_meant_change() {
    let settings = json!({
        "include": {"match_type": "regexp", "span_names": ["^op"]},
        "exclude": {"match_type": "strict", "attributes": [{"key": "keep", "value": true}]},
        "name": {"from_attributes": ["name"], "to_attributes": {"rules": ["(?P<digits>[0-9])"]}},
        "status": {"code": "Ok"},
    });
    let span = |name: &str| Span::new(name).attr("name", "n1");
    let spans = run(
        settings,
        [span("op"), span("op").attr("keep", true), span("other")],
    );
    assert_eq!(names(&spans), ["n{digits}", "op", "other"]);
    let codes: Vec<u32> = spans.iter().map(|span| span.status_code).collect();
    assert_eq!(codes, [1, 0, 0]);
    assert_eq!(spans[1].get("digits"), None);
}

#[test]
fn only_what_is_needed_is_declared() {
    let status = Kit::<SpanProcessor>::new(json!({"status": {"code": "Ok"}})).unwrap();
    assert_eq!(status.reads(), [""; 0]);
    let join = Kit::<SpanProcessor>::new(json!({"name": {"from_attributes": ["a"]}})).unwrap();
    assert_eq!(join.reads(), [r#"span.attributes["a"]"#]);
    assert_eq!(join.writes(), ["span.name"]);
}

#[test]
fn every_mistake_is_named() {
    for (settings, message) in [
        (
            json!({}),
            "does nothing; give name.from_attributes, name.to_attributes or status",
        ),
        (
            json!({"name": {"separator": "-"}, "status": {"code": "Ok"}}),
            "/name/separator: stands between from_attributes, of which there are none; take it out",
        ),
        (
            json!({"name": {"to_attributes": {}}}),
            "/name/to_attributes/rules: needs a pattern at least",
        ),
        (
            json!({"name": {"to_attributes": {"rules": ["a", "("]}}}),
            "/name/to_attributes/rules/1: no valid regular expression: unclosed group",
        ),
        (
            json!({"status": {"code": "ok"}}),
            "/status/code: must be Unset, Ok or Error",
        ),
        (
            json!({"status": {"code": "Ok", "description": "fine"}}),
            "/status/description: is for the code Error only",
        ),
        (
            json!({"status": {"code": "Ok"}, "include": {"match_type": "strict", "log_bodies": ["a"]}}),
            "/include: describes no spans; give services, span_names, span_kinds, attributes, resources or libraries",
        ),
        (
            json!({"status": {"code": "Ok"}, "exclude": {"match_type": "glob", "services": ["a"]}}),
            "/exclude/match_type: must be strict or regexp",
        ),
    ] {
        let error = Kit::<SpanProcessor>::new(settings).err().unwrap();
        assert_eq!(error.to_string(), message);
    }
}
