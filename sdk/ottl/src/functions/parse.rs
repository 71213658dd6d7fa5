//! Strings that hold something: JSON, lines of CSV, keys and values, URLs.

use spanmill_sdk::{Value, nested};

use super::csv::{Mode, fields};
use super::{json, url};
use crate::coerce::Kind::{LiteralBool, LiteralText, Map, Text};
use crate::datum::{Datum, Failure, MapBuilder};
use crate::duplicates::last_of_each;
use crate::function::Make::{Plain, Prepared};
use crate::function::{Constants, Function, Signature, converter, function, may_take, takes};

pub(super) static FUNCTIONS: &[Signature] = &[
    converter(
        "ParseJSON",
        &[takes("target", Text)],
        Plain(|input| json::parsed(input.text(0)?)),
    ),
    converter(
        "ParseCSV",
        &[
            takes("target", Text),
            takes("header", Text),
            may_take("delimiter", LiteralText),
            may_take("header_delimiter", LiteralText),
            may_take("mode", LiteralText),
        ],
        Prepared(parse_csv),
    ),
    converter(
        "ParseKeyValue",
        &[
            takes("target", Text),
            may_take("delimiter", LiteralText),
            may_take("pair_delimiter", LiteralText),
        ],
        Prepared(parse_key_value),
    ),
    converter(
        "ToKeyValueString",
        &[
            takes("target", Map),
            may_take("delimiter", LiteralText),
            may_take("pair_delimiter", LiteralText),
            may_take("sort_output", LiteralBool),
        ],
        Prepared(to_key_value_string),
    ),
    converter(
        "URL",
        &[takes("uri", Text)],
        Plain(|input| url::parsed(input.text(0)?)),
    ),
];

fn one_character(constants: &Constants<'_>, name: &str) -> Result<Option<char>, String> {
    let Some(text) = constants.text(name) else {
        return Ok(None);
    };
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(Some(character)),
        _ => Err(format!("{name} is a single character")),
    }
}

fn parse_csv(constants: &Constants<'_>) -> Result<Function, String> {
    let delimiter = one_character(constants, "delimiter")?.unwrap_or(',');
    let header_delimiter = one_character(constants, "header_delimiter")?.unwrap_or(delimiter);
    let mode = match constants.text("mode") {
        None | Some("strict") => Mode::Strict,
        Some("lazyQuotes") => Mode::LazyQuotes,
        Some("ignoreQuotes") => Mode::IgnoreQuotes,
        Some(_) => return Err("mode is one of strict, lazyQuotes, ignoreQuotes".to_owned()),
    };
    Ok(function(move |input| {
        let (text, header) = (input.text(0)?, input.text(1)?);
        if header.is_empty() {
            return Err("ParseCSV got an empty header");
        }
        let headers: Vec<&str> = header.split(header_delimiter).collect();
        let fields = fields(text, delimiter, mode)?;
        if fields.len() != headers.len() {
            return Err("ParseCSV got another number of fields than of headers");
        }
        let mut map = MapBuilder::default();
        for (header, field) in headers.iter().zip(&fields) {
            map.push_value(header, &Value::Text(field));
        }
        Ok(map.finish())
    }))
}

fn delimiters(constants: &Constants<'_>) -> Result<(String, String), String> {
    let get = |name: &str, default: &str| match constants.text(name) {
        Some("") => Err(format!("{name} is not empty")),
        Some(text) => Ok(text.to_owned()),
        None => Ok(default.to_owned()),
    };
    let delimiter = get("delimiter", "=")?;
    let pair_delimiter = get("pair_delimiter", " ")?;
    if delimiter == pair_delimiter {
        return Err("delimiter and pair_delimiter are not the same".to_owned());
    }
    Ok((delimiter, pair_delimiter))
}

fn parse_key_value(constants: &Constants<'_>) -> Result<Function, String> {
    let (delimiter, pair_delimiter) = delimiters(constants)?;
    Ok(function(move |input| {
        let text = input.text(0)?;
        if text.is_empty() {
            return Err("ParseKeyValue got an empty string");
        }
        let mut entries: Vec<(String, String)> = Vec::new();
        for pair in pairs(text, &pair_delimiter)? {
            let (key, value) = pair
                .split_once(&delimiter)
                .ok_or("ParseKeyValue got a pair without a delimiter")?;
            entries.push((key.trim().to_owned(), value.trim().to_owned()));
        }
        let mut map = MapBuilder::default();
        for (key, value) in &last_of_each(entries) {
            map.push_value(key, &Value::Text(value));
        }
        Ok(map.finish())
    }))
}

/// The pairs of a text: a delimiter within quotes parts nothing, and quotes go unless a backslash stands before them.
fn pairs(text: &str, delimiter: &str) -> Result<Vec<String>, Failure> {
    let mut pairs = Vec::new();
    let mut pair = String::new();
    let mut quote = None;
    let mut is_escaped = false;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        if quote.is_none()
            && let Some(behind) = rest.strip_prefix(delimiter)
        {
            rest = behind;
            if !pair.is_empty() {
                pairs.push(std::mem::take(&mut pair));
            }
            continue;
        }
        rest = &rest[character.len_utf8()..];
        if is_escaped {
            is_escaped = false;
        } else if quote.is_none() && matches!(character, '"' | '\'') {
            quote = Some(character);
            continue;
        } else if quote == Some(character) {
            quote = None;
            continue;
        } else {
            is_escaped = character == '\\';
        }
        pair.push(character);
    }
    if quote.is_some() {
        return Err("ParseKeyValue got a quote without an end");
    }
    if !pair.is_empty() {
        pairs.push(pair);
    }
    Ok(pairs)
}

fn to_key_value_string(constants: &Constants<'_>) -> Result<Function, String> {
    let (delimiter, pair_delimiter) = delimiters(constants)?;
    let sorts = constants.flag("sort_output").unwrap_or(false);
    Ok(function(move |input| {
        let quoted = |text: &str| {
            let text = text.replace('"', "\\\"");
            match text.contains(&pair_delimiter) || text.contains(&delimiter) {
                true => format!("\"{text}\""),
                false => text,
            }
        };
        let mut entries: Vec<_> = nested::entries(input.map(0)?).collect();
        if sorts {
            entries.sort_by_key(|(key, _)| *key);
        }
        let pairs: Vec<String> = entries
            .iter()
            .map(|(key, value)| format!("{}{delimiter}{}", quoted(key), quoted(&value.to_text())))
            .collect();
        Ok(Datum::text(pairs.join(&pair_delimiter)))
    }))
}
