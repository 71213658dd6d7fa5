//! The grammar, and what is said of mistakes.

use super::*;
use crate::ast::{Arithmetic, Body, Key};

#[track_caller]
fn fails(text: &str, message: &str) {
    assert_eq!(parse(text).unwrap_err().to_string(), message);
}

#[test]
fn errors_say_where_and_what_was_expected() {
    fails("", "column 1: the condition is empty");
    fails("name = \"a\"", "column 6: equality is written `==`");
    fails("name ==", "column 8: expected a value, found the end");
    fails(
        "name == \"a\" or",
        "column 15: expected a value, found the end",
    );
    fails("(name == \"a\"", "column 13: expected `)`, found the end");
    fails(
        "name == 'a'",
        "column 9: `'` has no place here; strings stand in double quotes",
    );
    fails(
        "name == \"a",
        "column 9: the string has no end; close it with a double quote",
    );
    fails(
        "attributes[] == 1",
        "column 12: expected a key in double quotes or a number, found `]`",
    );
    fails(
        "IsMatch(name \"a\")",
        "column 14: expected `,` or `)`, found a string",
    );
    fails(
        "name == \"a\" name",
        "column 13: expected `and`, `or` or the end, found `name`",
    );
    fails(
        "name",
        "column 5: expected a comparison such as `==`, found the end",
    );
    fails(
        "name == 0x1",
        "column 9: a byte literal takes two hex digits a byte",
    );
    fails(
        &"(".repeat(100),
        "column 65: too much is nested here; split it into several",
    );
}

#[test]
fn escapes_are_those_of_go() {
    let right = |text: &str| match parse(&format!("name == \"{text}\"")) {
        Ok(Condition::Compare { right, .. }) => Ok(right),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    };
    for (escaped, text) in [
        (r"\141\x62\u0063\U00000064", "abcd"),
        (r"\303\244\xc3\xb6ü", "äöü"),
        (r"\000\a\b\f\v\\\t", "\0\u{7}\u{8}\u{c}\u{b}\\\t"),
    ] {
        assert_eq!(
            right(escaped),
            Ok(Value::Text(text.to_owned())),
            "{escaped}"
        );
    }
    for escaped in [
        r"\0", r"\08", r"\777", r"\x4", r"\x+4", r"\u12", r"\ud800", r"\q",
    ] {
        let message = right(escaped).unwrap_err();
        assert!(
            message.starts_with("column 10: `\\"),
            "{escaped}: {message}"
        );
    }
    let message = right(r"\xff").unwrap_err();
    assert!(message.starts_with("column 9: the string's bytes are not UTF-8"));
}

#[test]
fn and_binds_closer_than_or() {
    let condition = parse("true or false and not true").unwrap();
    let literal = |value| Box::new(Condition::Literal(value));
    let and = Condition::And(literal(false), Box::new(Condition::Not(literal(true))));
    assert_eq!(condition, Condition::Or(literal(true), Box::new(and)));
}

#[test]
fn literals_and_brackets() {
    let right = |text: &str| match parse(&format!("name == {text}")).unwrap() {
        Condition::Compare { right, .. } => right,
        other => panic!("{other:?}"),
    };
    assert_eq!(right(r#""a\"b\\n\n""#), Value::Text("a\"b\\n\n".to_owned()));
    assert_eq!(right("-12"), Value::Int(-12));
    assert_eq!(right("1.5"), Value::Float(1.5));
    assert_eq!(right(".5e1"), Value::Float(5.0));
    assert_eq!(right("0x00ff"), Value::Bytes(vec![0, 255]));
    assert_eq!(right("nil"), Value::Nil);
    assert!(matches!(
        parse("((name == \"a\"))").unwrap(),
        Condition::Compare { .. }
    ));
    assert!(matches!(
        parse("(flags + 1) * 2 > 3").unwrap(),
        Condition::Compare { .. }
    ));
}

#[test]
fn statements_are_an_editor_and_a_condition() {
    let statement = parse_statement(
        r#"replace_pattern(attributes["a"]["b"][0], "x", replacement = "y") where name == "a" and not true"#,
    )
    .unwrap();
    assert_eq!(statement.editor.name, "replace_pattern");
    let names: Vec<_> = statement
        .editor
        .arguments
        .iter()
        .map(|argument| argument.name.as_deref())
        .collect();
    assert_eq!(names, [None, None, Some("replacement")]);
    assert!(matches!(statement.condition, Some(Condition::And(..))));
    assert!(parse_statement("set(name, 1)").unwrap().condition.is_none());
}

#[test]
fn values_of_every_kind_are_read() {
    let call = r#"ParseJSON(body)["a"][0]"#;
    let Value::Call(call) = parse_value(call).unwrap() else {
        panic!();
    };
    assert_eq!(call.keys, [Key::Text("a".to_owned()), Key::Int(0)]);
    let map = parse_value(r#"{"a": 1, "b": {"c": [true, nil]}, }"#).unwrap();
    let inner = Value::Map(vec![(
        "c".to_owned(),
        Value::List(vec![Value::Bool(true), Value::Nil]),
    )]);
    assert_eq!(
        map,
        Value::Map(vec![
            ("a".to_owned(), Value::Int(1)),
            ("b".to_owned(), inner)
        ])
    );
    let Value::Path(path) = parse_value(r#"attributes[attributes["k"]][1 + 1]"#).unwrap() else {
        panic!();
    };
    let [Key::Value(_), Key::Value(sum)] = path.segments[0].keys.as_slice() else {
        panic!();
    };
    assert!(matches!(**sum, Value::Math(_, Arithmetic::Add, ..)));
    assert!(matches!(parse_value("-name").unwrap(), Value::Negative(..)));
    assert_eq!(parse_value("-(-2)").unwrap(), Value::Int(2));
    // Multiplication binds closer, from left to right.
    let Value::Math(left, Arithmetic::Subtract, right, _) = parse_value("8 - 2 * 3 / 4").unwrap()
    else {
        panic!();
    };
    assert_eq!(*left, Value::Int(8));
    assert!(matches!(*right, Value::Math(_, Arithmetic::Divide, ..)));
}

#[test]
fn lambdas_give_values_or_conditions() {
    let lambda = |text: &str| match parse_value(text).unwrap() {
        Value::Lambda(lambda) => *lambda,
        other => panic!("{other:?}"),
    };
    assert_eq!(lambda("(k, _) => k").parameters, ["k", "_"]);
    assert!(matches!(
        lambda("() => IsString(name)").body,
        Body::Value(_)
    ));
    assert!(matches!(
        lambda("(k, v) => v > 1 and k != \"a\"").body,
        Body::Condition(_)
    ));
    let message = parse_value("() => () => 1").unwrap_err().to_string();
    assert_eq!(message, "column 1: a lambda cannot give another lambda");
}

#[test]
fn mistakes_in_statements_have_their_line_and_column() {
    let fails = |text: &str, message: &str| {
        assert_eq!(parse_statement(text).unwrap_err().to_string(), message);
    };
    fails("", "column 1: the statement is empty");
    fails(
        "Set(name, 1)",
        "column 1: a statement begins with an editor such as `set`, whose name is in lower case; Set only gives a value",
    );
    fails("set name", "column 5: expected `(`, found `name`");
    fails(
        "set(name, 1) when true",
        "column 14: expected `where` or the end, found `when`",
    );
    fails(
        "set(name,\n  'x')",
        "line 2, column 3: `'` has no place here; strings stand in double quotes",
    );
    fails(
        "set(name, concat(\"a\"))",
        "column 11: there is no function concat; did you mean Concat?",
    );
    fails(
        "set(name, 1)[0]",
        "column 1: set gives nothing that could be indexed",
    );
    fails(
        "set(name, {\"a\" 1})",
        "column 16: expected `:`, found a number",
    );
    fails(
        "set(name, {a: 1})",
        "column 12: expected a key in double quotes or `}`, found `a`",
    );
    fails("set(name, 1,)", "column 13: expected a value, found `)`");
}

#[test]
fn nothing_takes_for_ever() {
    let text = "((When(() => ".repeat(30);
    assert!(parse(&text).is_err());
    assert!(parse(&"not ".repeat(5_000)).is_err());
}

#[test]
fn chains_are_long_and_trees_of_them_are_not_deep() {
    fn depth(condition: &Condition) -> usize {
        match condition {
            Condition::And(left, right) | Condition::Or(left, right) => {
                1 + depth(left).max(depth(right))
            }
            _ => 1,
        }
    }
    for word in ["or", "and"] {
        let terms: Vec<String> = (0..5000)
            .map(|number| format!("name == \"{number}\""))
            .collect();
        let condition = parse(&terms.join(&format!(" {word} "))).unwrap();
        assert_eq!(depth(&condition), 14);
    }
    let sum = |terms: usize| format!("name == {}", vec!["1"; terms].join(" + "));
    assert!(parse(&sum(513)).is_ok());
    let error = parse(&sum(514)).unwrap_err().to_string();
    assert!(
        error.contains("more than 512 arithmetic operators"),
        "{error}"
    );
    // A bracket that is looked at twice counts once.
    let brackets = format!("(1{}) * 1 == 1", " + 1".repeat(500));
    assert!(parse(&brackets).is_ok());
}
