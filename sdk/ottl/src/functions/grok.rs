//! Grok: patterns put together from named ones.

mod patterns;

use spanmill_pattern::Regex;
use spanmill_sdk::{Value, parse_double};

use crate::coerce::Kind::{LiteralBool, LiteralTexts, Text};
use crate::datum::{Datum, Failure, MapBuilder};
use crate::function::Make::Prepared;
use crate::function::{Constants, Function, Signature, converter, function, may_take, takes};
use patterns::PATTERNS;

pub(super) static FUNCTIONS: &[Signature] = &[converter(
    "ExtractGrokPatterns",
    &[
        takes("target", Text),
        takes("pattern", Text),
        may_take("named_captures_only", LiteralBool),
        may_take("pattern_definitions", LiteralTexts),
    ],
    Prepared(extract),
)];

/// What a pattern may grow to, so that none that names itself is followed for ever.
const MOST_BYTES: usize = 64 << 10;

/// How many references a pattern may come to: one that names itself adds little each time.
const MOST_REFERENCES: usize = 1000;

/// In names of groups it stands for a dot.
const DOT: &str = "___";

/// A compiled pattern, and the types of what it captures.
#[derive(Debug)]
struct Grok {
    regex: Regex,
    types: Vec<(String, String)>,
}

/// Patterns by name, those of the user before those that are built in.
fn definition<'d>(name: &str, own: &'d [(String, String)]) -> Option<&'d str> {
    let own = own.iter().rev().find(|(known, _)| known == name);
    let builtin = || PATTERNS.iter().find(|(known, _)| *known == name);
    own.map(|(_, pattern)| pattern.as_str())
        .or_else(|| builtin().map(|(_, pattern)| *pattern))
}

impl Grok {
    fn compiled(pattern: &str, named_only: bool, own: &[(String, String)]) -> Result<Self, String> {
        let mut types = Vec::new();
        let mut expanded = pattern.to_owned();
        let mut references = 0;
        while let Some((reference, inner)) = next_reference(&expanded) {
            let mut parts = inner.split(':');
            let name = parts.next().unwrap_or("");
            let target = parts.next();
            let definition =
                definition(name, own).ok_or_else(|| format!("there is no pattern %{{{name}}}"))?;
            let group = target.unwrap_or(name).replace('.', DOT);
            if let Some(of_type) = parts.next() {
                if ![
                    "string", "double", "float", "int", "long", "bool", "boolean",
                ]
                .contains(&of_type)
                {
                    return Err(format!(
                        "{of_type} is no type; write int, long, double, float, bool, boolean or string"
                    ));
                }
                types.push((group.clone(), of_type.to_owned()));
            }
            let replacement = match target {
                None if named_only => format!("({definition})"),
                _ => format!("(?P<{group}>{definition})"),
            };
            expanded = expanded.replace(&reference, &replacement);
            references += 1;
            if expanded.len() > MOST_BYTES || references > MOST_REFERENCES {
                return Err("the pattern grows too large; does one name itself?".to_owned());
            }
        }
        let regex = spanmill_pattern::compile(&expanded).map_err(|error| error.to_string())?;
        if named_only && regex.capture_names().flatten().next().is_none() {
            return Err("the pattern has no named group, such as `%{NUMBER:count}`".to_owned());
        }
        Ok(Grok { regex, types })
    }

    fn extracted(&self, text: &str) -> Result<Datum<'static>, Failure> {
        let mut map = MapBuilder::default();
        let Some(captures) = self.regex.captures(text) else {
            return Ok(map.finish());
        };
        for group in self.regex.capture_names().flatten() {
            let found = captures.name(group).map_or("", |found| found.as_str());
            if found.is_empty() {
                continue;
            }
            let of_type = self.types.iter().rev().find(|(known, _)| known == group);
            let value = match of_type.map(|(_, of_type)| of_type.as_str()) {
                Some("int" | "long") => Value::Int(
                    found
                        .parse()
                        .map_err(|_| "ExtractGrokPatterns found something else than an int")?,
                ),
                Some("double" | "float") => Value::Double(
                    parse_double(found)
                        .ok_or("ExtractGrokPatterns found something else than a double")?,
                ),
                Some("bool" | "boolean") => match found {
                    "1" | "t" | "T" | "true" | "TRUE" | "True" => Value::Bool(true),
                    "0" | "f" | "F" | "false" | "FALSE" | "False" => Value::Bool(false),
                    _ => return Err("ExtractGrokPatterns found something else than a bool"),
                },
                _ => Value::Text(found),
            };
            map.push_value(&group.replace(DOT, "."), &value);
        }
        Ok(map.finish())
    }
}

/// The next `%{NAME}`, `%{NAME:target}` or `%{NAME:target:type}`, and what stands in its brackets.
fn next_reference(pattern: &str) -> Option<(String, String)> {
    let mut from = 0;
    loop {
        let at = pattern.get(from..)?.find("%{")? + from;
        let behind = pattern.get(at + 2..)?;
        let inner = behind.split_once('}').map(|(inner, _)| inner);
        let is_name = |part: &str, dots: bool| {
            !part.is_empty()
                && part.chars().all(|c| {
                    c.is_ascii_alphanumeric() || c == '_' || dots && matches!(c, '.' | '+')
                })
        };
        if let Some(inner) = inner {
            let parts: Vec<&str> = inner.split(':').collect();
            let fits = match parts.as_slice() {
                [name] => is_name(name, false),
                [name, target] => is_name(name, false) && is_name(target, true),
                [name, target, of_type] => {
                    is_name(name, false) && is_name(target, true) && is_name(of_type, false)
                }
                _ => false,
            };
            if fits {
                return Some((format!("%{{{inner}}}"), inner.to_owned()));
            }
        }
        from = at + 2;
    }
}

fn extract(constants: &Constants<'_>) -> Result<Function, String> {
    let named_only = constants.flag("named_captures_only").unwrap_or(false);
    let mut own = Vec::new();
    for definition in constants.texts("pattern_definitions").unwrap_or_default() {
        let (name, pattern) = definition
            .split_once('=')
            .ok_or("a definition is written NAME=pattern")?;
        if name.contains(':') {
            return Err("the name of a pattern has no colon".to_owned());
        }
        own.push((name.to_owned(), pattern.to_owned()));
    }
    if let Some(pattern) = constants.text("pattern") {
        let grok = Grok::compiled(pattern, named_only, &own)?;
        return Ok(function(move |input| grok.extracted(input.text(0)?)));
    }
    Ok(function(move |input| {
        let grok = Grok::compiled(input.text(1)?, named_only, &own)
            .map_err(|_| "ExtractGrokPatterns got a pattern that is not valid")?;
        grok.extracted(input.text(0)?)
    }))
}
