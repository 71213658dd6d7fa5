//! What is said of settings that are wrong.

use serde_json::json;
use spanmill_sdk::ConfigError;
use spanmill_sdk::testing::Kit;
use spanmill_transform::Transform;

fn problems(settings: serde_json::Value) -> Vec<(String, String)> {
    match Kit::<Transform>::new(settings) {
        Err(ConfigError::Settings(problems)) => problems
            .into_iter()
            .map(|problem| (problem.path, problem.message))
            .collect(),
        Err(other) => panic!("{other:?}"),
        Ok(_) => Vec::new(),
    }
}

#[track_caller]
fn says(signal: &str, context: &str, cases: &[(&str, &str)]) {
    for (statement, message) in cases {
        let settings = json!({(signal): [{"context": context, "statements": [statement]}]});
        let found = problems(settings);
        let expected = (format!("/{signal}/0/statements/0"), (*message).to_owned());
        assert_eq!(found, [expected], "{statement}");
    }
}

#[test]
fn broken_statements_on_spans() {
    says(
        "trace_statements",
        "span",
        &[
            ("", "column 1: the statement is empty"),
            ("set", "column 4: expected `(`, found the end"),
            ("set(name", "column 9: expected `,` or `)`, found the end"),
            ("set(name, )", "column 11: expected a value, found `)`"),
            ("set(name)", "column 1: set takes (target, value)"),
            (
                r#"set(name, "a", "b")"#,
                "column 16: set takes (target, value)",
            ),
            (
                r#"sett(name, "a")"#,
                "column 1: there is no editor sett; did you mean set?",
            ),
            (
                r#"rename(name, "a")"#,
                "column 1: the editor rename is not supported",
            ),
            (
                r#"SHA256(name)"#,
                "column 1: a statement begins with an editor such as `set`, whose name is in lower case; SHA256 only gives a value",
            ),
            (
                r#"set("name", "a")"#,
                "column 5: argument 1 of set must be a path",
            ),
            (
                r#"set(nmae, "a")"#,
                "column 5: a span has no field `nmae`; did you mean `name`?",
            ),
            (
                r#"set(log.body, "a")"#,
                "column 5: a span does not see log fields",
            ),
            (
                r#"set(trace_id, TraceID("00000000000000000000000000000001"))"#,
                "column 5: plugins cannot write `span.trace_id`",
            ),
            (
                "set(dropped_attributes_count, 0)",
                "column 5: plugins cannot write `span.dropped_attributes_count`",
            ),
            (
                "set(status, STATUS_CODE_OK)",
                "column 5: write `status.code` and `status.message`",
            ),
            (
                "set(events, [])",
                "column 5: `span.events` is not offered to plugins: write statements on `spanevent` fields, which run for each event",
            ),
            ("set(name[0], 1)", "column 5: `span.name` takes no brackets"),
            (
                "set(kind, SPAN_KIND_SERVR)",
                "column 11: there is no SPAN_KIND_SERVR; did you mean SPAN_KIND_SERVER?",
            ),
            (
                "set(name, Concat(name, \"-\"))",
                "column 18: argument 1 of Concat must be a list of values in brackets",
            ),
            (
                "set(name, Lowercase(name))",
                "column 11: there is no function Lowercase; did you mean ToLowerCase?",
            ),
            (
                "set(name, ToLowercase(name))",
                "column 11: there is no function ToLowercase; did you mean ToLowerCase?",
            ),
            (
                "set(name, Substring(name, \"0\", 1))",
                "column 27: argument 2 of Substring must be a whole number",
            ),
            (
                "set(name, Split(name, delimeter=\",\"))",
                "column 23: Split has no parameter `delimeter`; did you mean `delimiter`?",
            ),
            (
                "set(name, Split(target=name, \",\"))",
                "column 30: an argument without a name stands behind one with a name",
            ),
            (
                "set(name, name.first)",
                "column 11: a span has no field `name.first`",
            ),
            (
                r#"set(name, 'a')"#,
                "column 11: `'` has no place here; strings stand in double quotes",
            ),
            (
                r#"set(name, "a)"#,
                "column 11: the string has no end; close it with a double quote",
            ),
            (
                r#"set(name, "\d")"#,
                r"column 12: `\d` is no escape; write `\\d`",
            ),
            ("set(name, 1 +)", "column 14: expected a value, found `)`"),
            (
                "set(attributes[\"a\"], 1 / 0)",
                "column 24: a division by zero",
            ),
            (
                "set(name, \"a\") if true",
                "column 16: expected `where` or the end, found `if`",
            ),
            (
                "set(name, \"a\") where name = \"b\"",
                "column 27: equality is written `==`",
            ),
            (
                "set(name, \"a\") where",
                "column 21: expected a value, found the end",
            ),
            (
                "set(name, \"a\") where name",
                "column 26: expected a comparison such as `==`, found the end",
            ),
            (
                "set(name, \"a\") where Len(name)",
                "column 22: Len returns neither true nor false; compare what it returns",
            ),
            (
                "set(name,\n  \"a\"\n) where nmae == \"b\"",
                "line 3, column 9: a span has no field `nmae`; did you mean `name`?",
            ),
            (
                r#"replace_pattern(name, "(", "x")"#,
                "column 1: replace_pattern: no valid regular expression: unclosed group",
            ),
            (
                r#"replace_pattern(name, "a", "b", function=Sha256)"#,
                "column 33: there is no function Sha256; did you mean SHA256?",
            ),
            (
                r#"replace_pattern(name, "a", "b", function=Concat)"#,
                "column 33: Concat takes other arguments than one string",
            ),
            (
                r#"replace_pattern(name, "a", "b", function=SHA256, replacement_format="%d")"#,
                "column 1: replace_pattern: replacement_format must contain `%s` once and no other directive",
            ),
            (
                r#"replace_all_patterns(attributes, "values", "a", "b")"#,
                "column 1: replace_all_patterns: mode must be `key` or `value`",
            ),
            (
                r#"replace_match(name, "[a", "b")"#,
                "column 1: replace_match: the pattern has a `[` without a `]`",
            ),
            (
                "truncate_all(attributes, -1)",
                "column 1: truncate_all: the limit must not be negative",
            ),
            (
                "truncate_all(attributes, 2 + 2)",
                "column 26: argument 2 of truncate_all must be a whole number, written as such",
            ),
            (
                "truncate_all(attributes, 2, true, \"....\")",
                "column 1: truncate_all: the marker is not longer than the limit",
            ),
            (
                r#"limit(attributes, 1, ["a", "b"])"#,
                "column 1: limit: the limit must be at least the number of priority keys",
            ),
            (
                "flatten(attributes, depth=0)",
                "column 1: flatten: the depth must be at least 1",
            ),
            (
                r#"merge_maps(attributes, {"a": 1}, "replace")"#,
                "column 1: merge_maps: strategy is one of insert, update, upsert",
            ),
            (
                r#"keep_keys(attributes, "a")"#,
                "column 23: argument 2 of keep_keys must be a list of strings in brackets",
            ),
            (
                "append(attributes[\"a\"])",
                "column 1: append: it takes `value`, `values` or both",
            ),
            (
                "append(attributes, 1)",
                "column 1: append: it takes a single value, not all attributes",
            ),
            (
                "set(resource.cache[\"a\"], 1)",
                "column 5: there is one cache, that of the span: write `span.cache`",
            ),
            (
                r#"set_semconv_span_name("1.20.0")"#,
                "column 1: set_semconv_span_name: the versions of the semantic conventions are 1.37.0 to 1.40.0",
            ),
            (
                r#"set(attributes["a"], Filter([1], (_, v) => v > 0))"#,
                "column 34: lambdas are experimental, in the Collector as well: they need `feature_gates: [ottl.functions.enableLambda]`",
            ),
            (
                r#"set(attributes["a"], UserAgent("x"))"#,
                "column 22: the function UserAgent is not supported",
            ),
        ],
    );
}

#[test]
fn broken_statements_on_metrics() {
    says(
        "metric_statements",
        "metric",
        &[
            (
                "convert_sum_to_gauge()",
                "column 1: convert_sum_to_gauge is not supported: plugins cannot change the type of a metric",
            ),
            (
                "copy_metric(name=\"x\")",
                "column 1: copy_metric is not supported: plugins cannot add metrics to those of a batch",
            ),
            (
                "set(type, 1)",
                "column 5: plugins cannot write `metric.type`",
            ),
            (
                "set(data_points, [])",
                "column 5: `metric.data_points` is not offered to plugins: write statements on `datapoint` fields, which run for each point",
            ),
            (
                "set(unit, \"s\") where IsRootSpan()",
                "column 22: IsRootSpan is for spans only",
            ),
        ],
    );
}

#[test]
fn every_mistake_is_named_at_its_place() {
    let found = problems(json!({
        "trace_statements": [
            {"context": "log", "statements": ["set(name, 1)"]},
            {"conditions": ["span.name = 1", "span.kind == 1"], "statements": ["set(span.name, \"a\")", "set(span.nam, \"a\")"]},
            {"context": "exemplar", "statements": []},
            {"statements": ["set(name, \"a\")"]},
            {"statements": ["set(span.name, \"a\")", "set(kind, 1)"]},
            {"statements": ["set(log.body, \"a\")"]},
            {"statements": ["set(1, 2)"]},
            {"statements": ["set(spam.name, \"a\")"]},
            {"statements": ["sett(name, \"a\")"]},
        ],
        "log_statements": ["set(log.body, 1)", {"statements": []}],
        "metric_statements": ["set(metric.unit, 1", "set(metric.unit, \"s\")"],
        "profile_statements": ["set(profile.name, 1)"],
        "flatten_data": true,
    }));
    let expected = [
        (
            "/profile_statements",
            "profiles are not supported; take profile_statements out",
        ),
        (
            "/flatten_data",
            "flatten_data is not supported: plugins cannot give log records a resource of their own; take it out",
        ),
        (
            "/trace_statements/0/context",
            "must be one of resource, scope, span, spanevent",
        ),
        (
            "/trace_statements/1/conditions/0",
            "column 11: equality is written `==`",
        ),
        (
            "/trace_statements/2/context",
            "exemplars are not offered to plugins",
        ),
        (
            "/trace_statements/3/statements/0",
            "column 5: a path must name its context here; write `span.name`",
        ),
        (
            "/trace_statements/5/statements/0",
            "column 5: there are no log fields here; the contexts are resource, scope, span, spanevent",
        ),
        (
            "/trace_statements/6/statements",
            "no path tells the context of these statements: write one with it, such as `spanevent.attributes`, or name the `context` of their group",
        ),
        (
            "/trace_statements/7/statements/0",
            "column 5: there is no context `spam`; did you mean `span`?",
        ),
        (
            "/trace_statements/8/statements/0",
            "column 1: there is no editor sett; did you mean set?",
        ),
        (
            "/metric_statements/0",
            "column 19: expected `,` or `)`, found the end",
        ),
        (
            "/log_statements",
            "write either plain statements or groups of them, not both",
        ),
        // What stands beside something that cannot be read is looked at all the same.
        (
            "/trace_statements/1/statements/1",
            "column 5: a span has no field `nam`; did you mean `name`?",
        ),
        (
            "/trace_statements/4/statements/1",
            "column 5: a path must name its context here; write `span.kind`",
        ),
    ];
    let expected: Vec<(String, String)> = expected
        .into_iter()
        .map(|(path, message)| (path.to_owned(), message.to_owned()))
        .collect();
    assert_eq!(found, expected);
    let found = problems(json!({"trace_statement": []}));
    assert_eq!(
        found[0].1,
        "unknown key `trace_statement`; did you mean `trace_statements`?"
    );
    let found = problems(json!({"error_mode": "loud"}));
    assert_eq!(found[0].0, "/error_mode");
}

#[test]
fn lambdas_are_behind_their_gate() {
    let settings = json!({
        "feature_gates": ["ottl.functions.enableLambda"],
        "trace_statements": [r#"set(span.attributes["a"], Filter([1, 2], (_, v) => v > 1))"#],
    });
    assert_eq!(problems(settings), []);
}
