//! Values that are seldom met: how they compare, and what they are as text and as numbers.

use super::*;

/// A span for each value of the attribute `v`.
fn spans_of(values: &[Attr]) -> Spans {
    let spans = Spans::new().resource([("service.name", "cart")]);
    values.iter().fold(spans, |spans, value| {
        spans.span(
            Span::new("x")
                .ids(0x0102, 0x0a_0b0c)
                .attr("v", value.clone()),
        )
    })
}

fn double(value: f64) -> Attr {
    value.into()
}

fn list(values: &[Attr]) -> Attr {
    Attr::Array(values.to_vec())
}

fn map(entries: &[(&str, Attr)]) -> Attr {
    let entries = entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()));
    Attr::Map(entries.collect())
}

/// Checks for which of the values a condition holds.
fn holds(values: &[Attr], cases: &[(&str, &[u8])]) {
    for (condition, expected) in cases {
        let answers = answers_on(spans_of(values), condition, Context::Span);
        assert_eq!(answers, *expected, "{condition}");
    }
}

#[test]
fn doubles_have_exponents_of_two_digits() {
    let values = [
        double(1e-7),
        double(-2.5e-10),
        double(1e22),
        list(&[double(3e-9)]),
        double(4.0),
    ];
    holds(
        &values,
        &[
            (r#"String(attributes["v"]) == "1e-07""#, &[1, 0, 0, 0, 0]),
            (
                r#"Concat([attributes["v"]], "") == "-2.5e-10""#,
                &[0, 1, 0, 0, 0],
            ),
            (r#"IsMatch(attributes["v"], "^1e.22$")"#, &[0, 0, 1, 0, 0]),
            (r#"IsMatch(attributes["v"], "3e-09")"#, &[0, 0, 0, 1, 0]),
            (r#"String(attributes["v"]) == "4""#, &[0, 0, 0, 0, 1]),
            (r#"String(1.0e-9) == "1e-09""#, &[1, 1, 1, 1, 1]),
        ],
    );
}

#[test]
fn what_is_not_finite_has_no_text() {
    let values = [
        double(f64::NAN),
        double(f64::INFINITY),
        list(&[double(f64::NEG_INFINITY)]),
        double(1.0),
    ];
    holds(
        &values,
        &[
            (r#"IsMatch(attributes["v"], ".*")"#, &[0, 0, 0, 1]),
            (r#"String(attributes["v"]) != "x""#, &[0, 0, 0, 1]),
            (
                r#"Concat([attributes["v"], name], "") != "x""#,
                &[0, 0, 0, 1],
            ),
        ],
    );
}

#[test]
fn text_inside_lists_is_escaped_for_html() {
    let values = [
        list(&["<".into()]),
        map(&[("k", Attr::Bytes(Vec::new()))]),
        "<".into(),
    ];
    holds(
        &values,
        &[
            (r#"IsMatch(attributes["v"], "u003c")"#, &[1, 0, 0]),
            (r#"String(attributes["v"]) == "{\"k\":null}""#, &[0, 1, 0]),
            (r#"String(attributes["v"]) == "<""#, &[0, 0, 1]),
        ],
    );
}

#[test]
fn ids_are_lists_of_bytes_unless_their_string_is_asked_for() {
    holds(
        &[1.into()],
        &[
            (
                r#"IsMatch(trace_id, "^\\[0,0,0,0,0,0,0,0,0,0,0,0,0,0,1,2]$")"#,
                &[1],
            ),
            (r#"String(span_id) == "[0,0,0,0,0,10,11,12]""#, &[1]),
            (r#"IsMatch(trace_id, "0102")"#, &[0]),
            (r#"IsMatch(trace_id.string, "0102$")"#, &[1]),
            (
                r#"Concat([span_id.string], "") == "00000000000a0b0c""#,
                &[1],
            ),
        ],
    );
}

#[test]
fn empty_bytes_are_nil_when_compared() {
    holds(
        &[Attr::Bytes(Vec::new()), Attr::Bytes(vec![1]), "".into()],
        &[
            (r#"attributes["v"] == nil"#, &[1, 0, 0]),
            (r#"nil != attributes["v"]"#, &[0, 1, 1]),
            (r#"attributes["v"] <= nil"#, &[1, 0, 0]),
            (r#"attributes["v"] < nil"#, &[0, 0, 0]),
            (r#"attributes["v"] == attributes["absent"]"#, &[1, 0, 0]),
            (r#"attributes["v"] == attributes["v"]"#, &[1, 1, 1]),
            (r#"attributes["v"] < 0x02"#, &[0, 1, 0]),
            (r#"String(attributes["v"]) == """#, &[1, 0, 1]),
            (r#"Len(attributes["v"]) == 0"#, &[1, 0, 1]),
        ],
    );
}

#[test]
fn lists_and_maps_are_compared_by_what_is_in_them() {
    let one = map(&[("a", 1.into()), ("b", list(&["x".into()]))]);
    let other = map(&[("b", list(&["x".into()])), ("a", 1.into())]);
    let spans = |left: &Attr, right: &Attr| {
        let span = Span::new("x")
            .attr("v", left.clone())
            .attr("w", right.clone());
        Spans::new().resource([("service.name", "cart")]).span(span)
    };
    for (left, right, equal) in [
        (&one, &other, 1),
        (&one, &map(&[("a", 1.into())]), 0),
        (
            &one,
            &map(&[("a", 1.into()), ("c", list(&["x".into()]))]),
            0,
        ),
        (&map(&[("a", double(1.0))]), &map(&[("a", 1.into())]), 0),
        (&list(&[double(0.0)]), &list(&[double(-0.0)]), 1),
        (&list(&[double(f64::NAN)]), &list(&[double(f64::NAN)]), 0),
        (&list(&[1.into()]), &list(&[1.into(), 2.into()]), 0),
        (&list(&[1.into(), 2.into()]), &list(&[1.into()]), 0),
    ] {
        for (operator, expected) in [("==", equal), ("!=", 1 - equal), ("<=", 0)] {
            let condition = format!(r#"attributes["v"] {operator} attributes["w"]"#);
            let answers = answers_on(spans(left, right), &condition, Context::Span);
            assert_eq!(answers, [expected], "{left:?} {operator} {right:?}");
        }
    }
}

#[test]
fn numbers_have_no_length() {
    holds(
        &[
            2.into(),
            double(2.0),
            true.into(),
            "ab".into(),
            list(&[1.into(), 2.into()]),
        ],
        &[
            (r#"Len(attributes["v"]) > 0"#, &[0, 0, 0, 1, 1]),
            ("Len(attributes) == 1", &[1, 1, 1, 1, 1]),
        ],
    );
}

#[test]
fn doubles_are_read_from_text_as_go_reads_them() {
    let values = ["1_000", "0x1p4", "-nan", "1e400", "-Inf", "0x10"].map(Attr::from);
    holds(
        &values,
        &[
            (r#"Double(attributes["v"]) == 1000"#, &[1, 0, 0, 0, 0, 0]),
            (r#"Double(attributes["v"]) == 16"#, &[0, 1, 0, 0, 0, 0]),
            (r#"Double(attributes["v"]) < 0"#, &[0, 0, 0, 0, 1, 0]),
            (r#"Double(attributes["v"]) != nil"#, &[1, 1, 0, 0, 1, 0]),
        ],
    );
}

#[test]
fn nothing_is_divided_by_zero() {
    holds(
        &[double(1.0), 1.into(), double(f64::INFINITY)],
        &[
            (r#"attributes["v"] / 0 != 7"#, &[0, 0, 0]),
            (r#"attributes["v"] / 0.0 != 7"#, &[0, 0, 0]),
            (r#"1 / attributes["v"] == 1"#, &[1, 1, 0]),
        ],
    );
}

#[test]
fn what_is_beyond_an_integer_is_the_nearest_one() {
    holds(
        &[
            double(1e30),
            double(f64::NEG_INFINITY),
            double(f64::NAN),
            double(-2.9),
        ],
        &[
            (
                r#"Int(attributes["v"]) == 9223372036854775807"#,
                &[1, 0, 0, 0],
            ),
            (
                r#"Int(attributes["v"]) < -9223372036854775807"#,
                &[0, 1, 0, 0],
            ),
            (r#"Int(attributes["v"]) == 0"#, &[0, 0, 1, 0]),
            (r#"Int(attributes["v"]) == -2"#, &[0, 0, 0, 1]),
        ],
    );
}

#[test]
fn letters_change_case_one_by_one() {
    let upper = |text: &str| format!(r#"ToUpperCase(attributes["v"]) == "{text}""#);
    let lower = |text: &str| format!(r#"ToLowerCase(attributes["v"]) == "{text}""#);
    holds(
        &["straße ŉ ﬁ".into(), "ᾳᾀǆ".into(), "İΑΣ".into()],
        &[
            (&upper("STRAßE ŉ ﬁ"), &[1, 0, 0]),
            (&upper("ᾼᾈǄ"), &[0, 1, 0]),
            (&lower("iασ"), &[0, 0, 1]),
        ],
    );
}

#[test]
fn only_lists_and_maps_are_indexed() {
    let inner = map(&[("empty", Attr::Empty), ("n", 1.into())]);
    let values = [
        map(&[("m", inner), ("n", 2.into())]),
        Attr::Empty,
        "text".into(),
        list(&[7.into()]),
    ];
    holds(
        &values,
        &[
            (r#"attributes["v"]["n"] == 2"#, &[1, 0, 0, 0]),
            // A key that is not there is nil, whatever is asked of it; what is there must be a map.
            (r#"attributes["v"]["x"]["y"] == nil"#, &[1, 0, 0, 0]),
            (r#"attributes["v"]["m"]["empty"] == nil"#, &[1, 0, 0, 0]),
            (
                r#"attributes["v"]["m"]["empty"]["y"] == nil"#,
                &[0, 0, 0, 0],
            ),
            (r#"attributes["v"]["n"]["y"] == nil"#, &[0, 0, 0, 0]),
            (r#"attributes["v"][0] == 7"#, &[0, 0, 0, 1]),
            (r#"attributes["v"][1] == nil"#, &[0, 0, 0, 0]),
            (r#"attributes["w"]["x"] == nil"#, &[1, 1, 1, 1]),
        ],
    );
}
