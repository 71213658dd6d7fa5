//! Numbers, and what becomes one.

use crate::coerce::Kind::{BoolLike, BytesLike, FloatLike, Int, IntLike, Text, TextLike};
use crate::datum::{Datum, hex};
use crate::function::Make::Plain;
use crate::function::{Answer, Gives, Input, Signature, converter, takes};

pub(super) static FUNCTIONS: &[Signature] = &[
    converter("Int", &[takes("target", IntLike)], Plain(same)),
    converter("Double", &[takes("target", FloatLike)], Plain(same)),
    converter("String", &[takes("target", TextLike)], Plain(same)),
    Signature {
        gives: Gives::Any,
        ..converter("Bool", &[takes("target", BoolLike)], Plain(same))
    },
    converter("Hex", &[takes("target", BytesLike)], Plain(hex_digits)),
    converter("Log", &[takes("target", FloatLike)], Plain(logarithm)),
    converter(
        "ParseInt",
        &[takes("target", Text), takes("base", Int)],
        Plain(parse_int),
    ),
];

/// What the parameter made of the argument.
fn same<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    Ok(input.value(0).clone())
}

fn hex_digits<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    Ok(match input.value(0) {
        Datum::Bytes(bytes) => Datum::text(hex(bytes)),
        _ => Datum::text(""),
    })
}

fn logarithm<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    match input.value(0) {
        Datum::Float(number) if *number > 0.0 => Ok(Datum::Float(number.ln())),
        _ => Err("Log takes a number greater than 0"),
    }
}

/// As Go's `ParseInt`: base 0 means that the number says so itself, and then it may have underscores.
fn parse_int<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    const WRONG: &str =
        "ParseInt got a string that is not a number in its base, or one beyond 64 bits";
    let (text, base) = (input.text(0)?, input.int(1)?);
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => ("-", &text[1..]),
        Some(b'+') => ("", &text[1..]),
        Some(_) => ("", text),
        None => return Err("ParseInt got an empty string"),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match base {
        0 => match lower.as_str() {
            lower if lower.starts_with("0x") => (16, digits[2..].replace('_', "")),
            lower if lower.starts_with("0b") => (2, digits[2..].replace('_', "")),
            lower if lower.starts_with("0o") => (8, digits[2..].replace('_', "")),
            lower if lower.starts_with('0') && lower.len() > 1 => (8, digits[1..].replace('_', "")),
            _ => (10, digits.replace('_', "")),
        },
        2..=36 => (base as u32, digits.to_owned()),
        _ => return Err("ParseInt takes a base from 2 to 36, or 0"),
    };
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(base)) {
        return Err(WRONG);
    }
    let number = i64::from_str_radix(&format!("{sign}{digits}"), base);
    number.map(Datum::Int).map_err(|_| WRONG)
}
