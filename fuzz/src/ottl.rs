//! Statements and conditions: any text is read or refused, in no more time than its length explains, and what is read is
//! checked and runs.

use spanmill_ottl::{ErrorMode, Program, Written, parse, parse_statement, parse_value};
use spanmill_sdk::testing::{Columns, Event, Span, Spans};
use spanmill_sdk::{Context, Contract, Outcome, Signal};

/// Statements to start from.
pub fn seeds() -> impl Iterator<Item = Vec<u8>> {
    [
        r#"set(attributes["a"]["b"][0], Concat([name, 1.5, nil], "-")) where kind == 2 and not IsMatch(name, "x")"#,
        r#"replace_pattern(attributes["a"], "(\\w+)", "$1", function=SHA256, replacement_format="<%s>")"#,
        r#"merge_maps(attributes, ParseJSON(attributes["j"]), "upsert") where attributes["j"] != nil or (1 + 2) * 3 > -4"#,
        r#"keep_keys(resource.attributes, ["a", "b"])"#,
        r#"set(cache["x"], {"a": [1, 0x00ff], "b": Filter(attributes["l"], (_, v) => v > 1)})"#,
        r#"set(start_time, Time("2023-01-02", "%Y-%m-%d") + Duration("1h"))"#,
        r#"flatten(attributes, "p", depth=2)"#,
    ]
    .into_iter()
    .map(|seed| seed.as_bytes().to_vec())
}

fn spans() -> Spans {
    let span = Span::new("GET /users/42")
        .kind(2)
        .attr("a", "x")
        .attr("j", "{\"k\": [1, null]}")
        .attr("n", 5)
        .event(Event::new("e").attr("a", 1));
    Spans::new()
        .resource([("a", "b")])
        .span(span)
        .span(Span::new("").attr("a", 2.5))
}

/// Reads a text as everything that it could be; a statement runs over spans.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let _ = parse(text);
    let _ = parse_value(text);
    let Ok(statement) = parse_statement(text) else {
        return;
    };
    let written = Written {
        signal: Signal::Traces,
        context: Context::Span,
        prefixed: false,
        error_mode: ErrorMode::Silent,
        name: "fuzz".to_owned(),
        conditions: Vec::new(),
        statements: vec![statement],
    };
    let mut contract = Contract::default();
    let Ok(mut program) = Program::new(&[written], true, &mut contract) else {
        return;
    };
    let columns = Columns::new(&spans(), &contract);
    let batch = columns.batch();
    let mut outcome = Outcome::new(&batch);
    let _ = program.run(&batch, &mut outcome);
}
