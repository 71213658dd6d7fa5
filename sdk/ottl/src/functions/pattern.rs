//! Regular expressions.

use spanmill_pattern::Regex;

use crate::coerce::Kind::{Text, TextLike};
use crate::datum::{Datum, Failure, MapBuilder};
use crate::function::Make::Prepared;
use crate::function::{Constants, Function, Signature, converter, function, predicate, takes};

pub(super) static FUNCTIONS: &[Signature] = &[
    predicate(
        "IsMatch",
        &[takes("target", TextLike), takes("pattern", Text)],
        Prepared(is_match),
    ),
    converter(
        "ExtractPatterns",
        &[takes("target", Text), takes("pattern", Text)],
        Prepared(extract_patterns),
    ),
];

/// The pattern of a call, if it is known before anything runs.
fn known(constants: &Constants<'_>) -> Result<Option<Regex>, String> {
    match constants.text("pattern") {
        Some(pattern) => spanmill_pattern::compile(pattern)
            .map(Some)
            .map_err(|error| error.to_string()),
        None => Ok(None),
    }
}

fn compiled(pattern: &str) -> Result<Regex, Failure> {
    spanmill_pattern::compile(pattern)
        .map_err(|_| "a function got a pattern that is no regular expression")
}

fn is_match(constants: &Constants<'_>) -> Result<Function, String> {
    Ok(match known(constants)? {
        Some(regex) => function(move |input| {
            Ok(Datum::Bool(match input.value(0) {
                Datum::Text(text) => regex.is_match(text),
                _ => false,
            }))
        }),
        None => function(|input| {
            let regex = compiled(input.text(1)?)?;
            Ok(Datum::Bool(match input.value(0) {
                Datum::Text(text) => regex.is_match(text),
                _ => false,
            }))
        }),
    })
}

fn extract_patterns(constants: &Constants<'_>) -> Result<Function, String> {
    const NONE: &str = "the pattern has no named group, such as `(?P<name>..)`";
    Ok(match known(constants)? {
        Some(regex) if regex.capture_names().flatten().next().is_none() => {
            return Err(NONE.to_owned());
        }
        Some(regex) => function(move |input| extracted(&regex, input.text(0)?)),
        None => function(|input| {
            let regex = compiled(input.text(1)?)?;
            if regex.capture_names().flatten().next().is_none() {
                return Err(NONE);
            }
            extracted(&regex, input.text(0)?)
        }),
    })
}

fn extracted(regex: &Regex, text: &str) -> Result<Datum<'static>, Failure> {
    let mut map = MapBuilder::default();
    if let Some(captures) = regex.captures(text) {
        for name in regex.capture_names().flatten() {
            let found = captures.name(name).map_or("", |found| found.as_str());
            map.push_value(name, &spanmill_sdk::Value::Text(found));
        }
    }
    Ok(map.finish())
}
