//! Statements that run a column at a time do what they do row by row.

use proptest::prelude::*;
use serde::Deserialize;
use spanmill_sdk::testing::{Attr, Kit, Span, Spans};
use spanmill_sdk::{ConfigError, PluginError, Processor};

use super::*;
use crate::parser::parse_statement;

/// A plugin of statements on spans.
struct Statements(Program);

#[derive(Deserialize)]
struct Settings {
    statements: Vec<String>,
    by_row: bool,
}

impl Processor for Statements {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let statements = settings.statements.iter();
        let statements: Vec<Statement> = statements
            .map(|text| parse_statement(text).unwrap_or_else(|error| panic!("{text}: {error}")))
            .collect();
        let written = Written {
            signal: Signal::Traces,
            context: Context::Span,
            prefixed: false,
            error_mode: ErrorMode::Silent,
            name: "trace_statements".to_owned(),
            conditions: Vec::new(),
            statements,
        };
        let program = Program::new(&[written], true, contract);
        let mut program =
            program.map_err(|mistakes| ConfigError::at("", mistakes[0].error.to_string()))?;
        program.groups[0].by_row |= settings.by_row;
        Ok(Statements(program))
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let ran = self.0.run(batch, outcome);
        ran.map(|_| ())
            .map_err(|error| PluginError::Batch(error.to_string()))
    }
}

fn spans() -> Spans {
    let map = Attr::Map(vec![
        ("k".to_owned(), "v".into()),
        ("n".to_owned(), 1.into()),
    ]);
    Spans::new()
        .resource([("service.name", "cart"), ("a", "r")])
        .span(
            Span::new("GET /users/42")
                .kind(2)
                .attr("a", "x")
                .attr("n", 5)
                .attr("m", map.clone()),
        )
        .span(
            Span::new("GET /users/42")
                .kind(3)
                .attr("a", "y")
                .attr("n", 2.5),
        )
        .span(
            Span::new("")
                .attr("n", 5)
                .attr("a", 7)
                .attr("l", Attr::Array(vec![1.into(), "x".into()])),
        )
        .resource([("service.name", "pay")])
        .span(Span::new("work").kind(1).attr("m", map).attr("a", "x"))
}

fn value() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "name",
        r#"attributes["a"]"#,
        r#"attributes["n"]"#,
        r#"attributes["m"]["k"]"#,
        r#"attributes["none"]"#,
        r#"resource.attributes["a"]"#,
        r#"Concat([name, attributes["a"]], "-")"#,
        r#"attributes["n"] + 1"#,
        "nil",
        r#""text""#,
        "7",
        r#"{"k": attributes["a"]}"#,
        "attributes",
        r#"cache["c"]"#,
        "kind",
        "kind * 2 - dropped_events_count",
        "7 / (kind - 1)",
    ])
    .prop_map(str::to_owned)
}

fn target() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "name",
        r#"attributes["a"]"#,
        r#"attributes["new"]"#,
        r#"attributes["m"]["k"]"#,
        r#"attributes["l"][0]"#,
        r#"resource.attributes["a"]"#,
        r#"cache["c"]"#,
        "kind",
        "status.message",
        r#"trace_state["k"]"#,
    ])
    .prop_map(str::to_owned)
}

fn statement() -> impl Strategy<Value = String> {
    let edit = prop_oneof![
        4 => (target(), value()).prop_map(|(target, value)| format!("set({target}, {value})")),
        1 => target().prop_map(|target| format!(r#"replace_pattern({target}, "[0-9]+", "N")"#)),
        1 => (target(), value()).prop_map(|(target, value)| format!("append({target}, {value})")),
        1 => Just(r#"delete_key(attributes, "a")"#.to_owned()),
        1 => Just(r#"delete_key(attributes["m"], "k")"#.to_owned()),
        1 => Just(r#"keep_keys(attributes, ["a", "n", "new"])"#.to_owned()),
        1 => Just(r#"replace_all_patterns(attributes, "key", "^a$", "b")"#.to_owned()),
        1 => Just("truncate_all(attributes, 1)".to_owned()),
        1 => Just(r#"merge_maps(attributes, {"z": 1, "a": name}, "upsert")"#.to_owned()),
        1 => Just("flatten(attributes)".to_owned()),
    ];
    let condition = prop_oneof![
        2 => Just(String::new()),
        1 => (value(), value()).prop_map(|(left, right)| format!(" where {left} == {right}")),
        1 => value().prop_map(|value| format!(" where {value} != nil and kind != 3")),
        1 => value().prop_map(|value| format!(r#" where IsMatch({value}, "x|4")"#)),
        1 => value().prop_map(|value| format!(" where {value} > 3")),
    ];
    (edit, condition).prop_map(|(edit, condition)| edit + &condition)
}

proptest! {
    #[test]
    fn columns_and_rows_give_the_same(statements in prop::collection::vec(statement(), 1..6)) {
        let run = |by_row: bool| {
            let settings = serde_json::json!({"statements": statements, "by_row": by_row});
            Kit::<Statements>::new(settings).map(|mut kit| kit.run(&spans()).left)
        };
        let (columns, rows) = (run(false), run(true));
        // What is refused, such as a sum of texts, is refused in both ways.
        match (columns, rows) {
            (Ok(columns), Ok(rows)) => prop_assert_eq!(columns, rows),
            (Err(columns), Err(rows)) => prop_assert_eq!(columns, rows),
            (columns, rows) => panic!("{columns:?} {rows:?}"),
        }
    }

    /// A replacement with a group that there is not goes another way, by values instead of by texts.
    #[test]
    fn replacing_by_text_and_by_value_gives_the_same(
        target in target(),
        pattern in prop::sample::select(vec!["[0-9]+", "e|r", "^.", "$", "x*", "T /", "none"]),
        before in prop::option::of(statement()),
    ) {
        let run = |replacement: &str| {
            let replace = format!(r#"replace_pattern({target}, "{pattern}", "{replacement}")"#);
            let statements: Vec<String> = before.clone().into_iter().chain([replace]).collect();
            let settings = serde_json::json!({"statements": statements, "by_row": false});
            Kit::<Statements>::new(settings).map(|mut kit| kit.run(&spans()).left)
        };
        match (run("-"), run("-$9")) {
            (Ok(texts), Ok(values)) => prop_assert_eq!(texts, values),
            (Err(texts), Err(values)) => prop_assert_eq!(texts, values),
            (texts, values) => panic!("{texts:?} {values:?}"),
        }
    }

    /// No text makes the parser or the checker panic.
    #[test]
    fn any_text_is_a_statement_or_is_refused(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "set", "(", ")", "name", ",", "\"x\"", "1", "where", "==", "[", "]", "{", "}", ":", "=>", "_", "a",
                "IsMatch", "not", "and", "-", "+", "nil", "attributes", ".", "span", "Filter", "0x0f", "1.5", "=",
            ]),
            0..16,
        )
    ) {
        let text = words.join(" ");
        let _ = crate::parse(&text);
        if let Ok(statement) = parse_statement(&text) {
            let written = Written {
                signal: Signal::Traces,
                context: Context::Span,
                prefixed: false,
                error_mode: ErrorMode::Silent,
                name: String::new(),
                conditions: Vec::new(),
                statements: vec![statement],
            };
            let _ = Program::new(&[written], true, &mut Contract::default());
        }
    }
}
