//! Strings: parts of them, put together, in other letters.

use std::borrow::Cow;

use super::case::{camel, lower, snake, upper};
use super::format::sprintf;
use crate::coerce::Kind::{Any, Int, LiteralBool, LiteralText, Text, TextLikes, Values};
use crate::datum::{Datum, ListBuilder};
use crate::function::Make::{Plain, Prepared};
use crate::function::{
    Answer, Constants, Function, Input, Signature, converter, function, may_take, predicate, takes,
};

pub(super) static FUNCTIONS: &[Signature] = &[
    converter(
        "Concat",
        &[takes("vals", TextLikes), takes("delimiter", Text)],
        Plain(concat),
    ),
    converter(
        "ConvertCase",
        &[takes("target", Text), takes("to_case", LiteralText)],
        Prepared(convert_case),
    ),
    converter(
        "Format",
        &[takes("format", LiteralText), takes("vals", Values)],
        Plain(format),
    ),
    predicate(
        "HasPrefix",
        &[takes("target", Text), takes("prefix", Text)],
        Plain(|input| Ok(Datum::Bool(input.text(0)?.starts_with(input.text(1)?)))),
    ),
    predicate(
        "HasSuffix",
        &[takes("target", Text), takes("suffix", Text)],
        Plain(|input| Ok(Datum::Bool(input.text(0)?.ends_with(input.text(1)?)))),
    ),
    converter(
        "Split",
        &[takes("target", Text), takes("delimiter", Text)],
        Plain(split),
    ),
    converter(
        "Substring",
        &[
            takes("target", Text),
            takes("start", Int),
            takes("length", Int),
            may_take("utf8_safe", LiteralBool),
        ],
        Plain(substring),
    ),
    converter(
        "ToCamelCase",
        &[takes("target", Text)],
        Plain(|input| Ok(Datum::text(camel(input.text(0)?)))),
    ),
    converter(
        "ToLowerCase",
        &[takes("target", Text)],
        Plain(|input| Ok(Datum::text(lower(input.text(0)?)))),
    ),
    converter(
        "ToSnakeCase",
        &[takes("target", Text)],
        Plain(|input| Ok(Datum::text(snake(input.text(0)?)))),
    ),
    converter(
        "ToUpperCase",
        &[takes("target", Text)],
        Plain(|input| Ok(Datum::text(upper(input.text(0)?)))),
    ),
    converter(
        "Trim",
        &[takes("target", Text), may_take("replacement", LiteralText)],
        Prepared(trim),
    ),
    converter(
        "TrimPrefix",
        &[takes("target", Text), takes("prefix", Text)],
        Plain(|input| {
            let text = input.text(0)?;
            Ok(Datum::text(
                text.strip_prefix(input.text(1)?).unwrap_or(text),
            ))
        }),
    ),
    converter(
        "TrimSuffix",
        &[takes("target", Text), takes("suffix", Text)],
        Plain(|input| {
            let text = input.text(0)?;
            Ok(Datum::text(
                text.strip_suffix(input.text(1)?).unwrap_or(text),
            ))
        }),
    ),
    converter(
        "Index",
        &[takes("target", Any), takes("value", Any)],
        Plain(super::list::index),
    ),
];

fn concat<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let delimiter = input.text(1)?;
    let mut joined = String::new();
    for (place, value) in input.list.iter().enumerate() {
        if place > 0 {
            joined.push_str(delimiter);
        }
        joined.push_str(&value.text_like()?.unwrap_or(Cow::Borrowed("<nil>")));
    }
    Ok(Datum::text(joined))
}

fn convert_case(constants: &Constants<'_>) -> Result<Function, String> {
    let change: fn(&str) -> String = match constants.text("to_case") {
        Some("lower") => lower,
        Some("upper") => upper,
        Some("snake") => snake,
        Some("camel") => camel,
        _ => return Err("the case is one of lower, upper, snake, camel".to_owned()),
    };
    Ok(function(move |input| {
        Ok(Datum::text(change(input.text(0)?)))
    }))
}

fn format<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    Ok(Datum::text(sprintf(input.text(0)?, input.list)))
}

fn split<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let (text, delimiter) = (input.text(0)?, input.text(1)?);
    let mut list = ListBuilder::default();
    let mut push = |part: &str| list.push_value(&spanmill_sdk::Value::Text(part));
    if delimiter.is_empty() {
        let mut buffer = [0; 4];
        text.chars()
            .for_each(|character| push(character.encode_utf8(&mut buffer)));
    } else {
        text.split(delimiter).for_each(push);
    }
    Ok(list.finish())
}

fn substring<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let (start, length) = (input.int(1)?, input.int(2)?);
    if start < 0 || length <= 0 {
        return Err("Substring takes a start from 0 and a length from 1");
    }
    let text = input.text(0)?;
    let (mut start, length) = (start as usize, length as usize);
    let end = start.checked_add(length).filter(|&end| end <= text.len());
    let mut end = end.ok_or("Substring reaches beyond the string")?;
    if *input.value(3) == Datum::Bool(true) {
        while start < text.len() && !text.is_char_boundary(start) {
            start += 1;
        }
        while start < end && !text.is_char_boundary(end) {
            end -= 1;
        }
        end = end.max(start);
    }
    // The Collector cuts characters in half; half a character reads as a replacement character.
    let cut = text.as_bytes().get(start..end).unwrap_or(&[]);
    Ok(Datum::text(String::from_utf8_lossy(cut)))
}

fn trim(constants: &Constants<'_>) -> Result<Function, String> {
    let cut: Vec<char> = constants
        .text("replacement")
        .unwrap_or(" ")
        .chars()
        .collect();
    Ok(function(move |input| {
        Ok(Datum::text(input.text(0)?.trim_matches(cut.as_slice())))
    }))
}
