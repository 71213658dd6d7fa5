//! What a function takes: values of one type, or those that are like it.

use std::borrow::Cow;

use spanmill_sdk::parse_double;

use crate::datum::{Datum, Failure};

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A value of any type.
    Any,
    Text,
    /// Whatever has a text; nil stays nil.
    TextLike,
    Int,
    /// Whatever has a whole number; nil stays nil.
    IntLike,
    /// Whatever has a number; nil stays nil.
    FloatLike,
    /// Whatever is true or false; nil stays nil.
    BoolLike,
    /// Whatever has bytes; nil stays nil.
    BytesLike,
    Map,
    List,
    Time,
    Duration,
    /// Values in brackets, each of any type.
    Values,
    /// Strings in brackets.
    Texts,
    /// Values that have a text, in brackets.
    TextLikes,
    /// A string that stands there as it is.
    LiteralText,
    /// A whole number that stands there as it is.
    LiteralInt,
    /// `true` or `false`.
    LiteralBool,
    /// Strings in brackets that stand there as they are.
    LiteralTexts,
    /// A path.
    Target,
    /// A path to a map.
    TargetMap,
    /// A path to a list.
    TargetList,
    /// The name of a function.
    Function,
    /// A function of so many parameters, written where it is used.
    Lambda(usize),
}

impl Kind {
    /// What an argument of this kind is, for people.
    pub(crate) fn describe(self) -> &'static str {
        match self {
            Kind::Any => "a value",
            Kind::Text => "a string",
            Kind::TextLike => "a value that has a text",
            Kind::Int => "a whole number",
            Kind::IntLike | Kind::FloatLike => "a number, a bool or a string",
            Kind::BoolLike => "a bool, a number or a string",
            Kind::BytesLike => "bytes, a string, a number or a bool",
            Kind::Map => "a map",
            Kind::List => "a list",
            Kind::Time => "a time",
            Kind::Duration => "a duration",
            Kind::Values | Kind::TextLikes => "a list of values in brackets",
            Kind::Texts => "a list of strings in brackets",
            Kind::LiteralText => "a string in double quotes",
            Kind::LiteralInt => "a whole number, written as such",
            Kind::LiteralBool => "true or false",
            Kind::LiteralTexts => "a list of strings in double quotes",
            Kind::Target => "a path",
            Kind::TargetMap => "a path to a map",
            Kind::TargetList => "a path to a list",
            Kind::Function => "the name of a function",
            Kind::Lambda(_) => "a lambda such as `(key, value) => value`",
        }
    }

    /// The kind of each item of a list in brackets.
    pub(crate) fn item(self) -> Option<Kind> {
        match self {
            Kind::Values => Some(Kind::Any),
            Kind::Texts | Kind::LiteralTexts => Some(Kind::Text),
            Kind::TextLikes => Some(Kind::TextLike),
            _ => None,
        }
    }
}

/// A value as a parameter takes it.
pub(crate) fn coerced<'a>(kind: Kind, datum: Datum<'a>) -> Result<Datum<'a>, Failure> {
    Ok(match (kind, datum) {
        (Kind::Text | Kind::LiteralText, text @ Datum::Text(_))
        | (Kind::TextLike | Kind::IntLike | Kind::FloatLike, text @ Datum::Nil)
        | (Kind::BoolLike | Kind::BytesLike, text @ Datum::Nil)
        | (Kind::TextLike, text @ Datum::Text(_)) => text,
        (Kind::Text | Kind::LiteralText, other) => {
            return Err(mismatch(
                &other,
                "a function expected a string but got nil",
                "a function expected a string but got another type",
            ));
        }
        (Kind::TextLike, other) => match other.text_like()? {
            Some(text) => Datum::text(text.into_owned()),
            None => Datum::Nil,
        },
        (Kind::Int | Kind::LiteralInt, number @ Datum::Int(_)) => number,
        (Kind::Int | Kind::LiteralInt, other) => {
            return Err(mismatch(
                &other,
                "a function expected a whole number but got nil",
                "a function expected a whole number but got another type",
            ));
        }
        (Kind::IntLike, other) => int_like(&other)?,
        (Kind::FloatLike, other) => float_like(&other)?,
        (Kind::BoolLike, other) => bool_like(&other)?,
        (Kind::BytesLike, other) => bytes_like(other)?,
        (Kind::Map, map @ Datum::Map(_)) => map,
        (Kind::Map, other) => {
            return Err(mismatch(
                &other,
                "a function expected a map but got nil",
                "a function expected a map but got another type",
            ));
        }
        (Kind::List, list @ Datum::List(_)) => list,
        (Kind::List, other) => {
            return Err(mismatch(
                &other,
                "a function expected a list but got nil",
                "a function expected a list but got another type",
            ));
        }
        (Kind::Time, time @ Datum::Time(_)) => time,
        (Kind::Time, other) => {
            return Err(mismatch(
                &other,
                "a function expected a time but got nil",
                "a function expected a time but got another type",
            ));
        }
        (Kind::Duration, duration @ Datum::Duration(_)) => duration,
        (Kind::Duration, other) => {
            return Err(mismatch(
                &other,
                "a function expected a duration but got nil",
                "a function expected a duration but got another type",
            ));
        }
        (_, other) => other,
    })
}

fn mismatch(datum: &Datum<'_>, nil: Failure, other: Failure) -> Failure {
    match datum {
        Datum::Nil => nil,
        _ => other,
    }
}

fn int_like(datum: &Datum<'_>) -> Result<Datum<'static>, Failure> {
    Ok(match datum {
        Datum::Int(number) => Datum::Int(*number),
        Datum::Float(number) => Datum::Int(*number as i64),
        Datum::Bool(flag) => Datum::Int(i64::from(*flag)),
        Datum::Text(text) => text.parse().map_or(Datum::Nil, Datum::Int),
        _ => return Err("a function expected a number, a bool or a string"),
    })
}

fn float_like(datum: &Datum<'_>) -> Result<Datum<'static>, Failure> {
    Ok(Datum::Float(match datum {
        Datum::Float(number) => *number,
        Datum::Int(number) => *number as f64,
        Datum::Bool(flag) => f64::from(u8::from(*flag)),
        Datum::Text(text) => parse_double(text)
            .ok_or("a function expected a number but got a string that is not one")?,
        _ => return Err("a function expected a number, a bool or a string"),
    }))
}

fn bool_like(datum: &Datum<'_>) -> Result<Datum<'static>, Failure> {
    Ok(Datum::Bool(match datum {
        Datum::Bool(flag) => *flag,
        Datum::Int(number) => *number != 0,
        Datum::Float(number) => *number != 0.0,
        Datum::Text(text) => match text.as_ref() {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            _ => return Err("a function expected true or false but got a string that is neither"),
        },
        _ => return Err("a function expected a bool, a number or a string"),
    }))
}

fn bytes_like(datum: Datum<'_>) -> Result<Datum<'_>, Failure> {
    let bytes: Cow<'_, [u8]> = match datum {
        Datum::Bytes(bytes) => bytes,
        Datum::Text(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
        Datum::Text(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
        Datum::Int(number) => Cow::Owned(number.to_be_bytes().to_vec()),
        Datum::Float(number) => Cow::Owned(number.to_be_bytes().to_vec()),
        Datum::Bool(flag) => Cow::Owned(vec![u8::from(flag)]),
        _ => return Err("a function expected bytes, a string, a number or a bool"),
    };
    Ok(Datum::Bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_like_a_type_becomes_it_and_nil_stays() {
        let text = |text: &'static str| Datum::Text(Cow::Borrowed(text));
        for (kind, given, expected) in [
            (Kind::IntLike, text("12"), Ok(Datum::Int(12))),
            (Kind::IntLike, text("x"), Ok(Datum::Nil)),
            (Kind::IntLike, Datum::Float(2.9), Ok(Datum::Int(2))),
            (Kind::FloatLike, Datum::Bool(true), Ok(Datum::Float(1.0))),
            (
                Kind::FloatLike,
                text("x"),
                Err("a function expected a number but got a string that is not one"),
            ),
            (Kind::BoolLike, text("t"), Ok(Datum::Bool(true))),
            (Kind::BoolLike, Datum::Int(0), Ok(Datum::Bool(false))),
            (
                Kind::BytesLike,
                text("a"),
                Ok(Datum::Bytes(Cow::Borrowed(b"a"))),
            ),
            (
                Kind::BytesLike,
                Datum::Int(258),
                Ok(Datum::Bytes(Cow::Owned(vec![0, 0, 0, 0, 0, 0, 1, 2]))),
            ),
            (Kind::TextLike, Datum::Int(5), Ok(text("5"))),
            (Kind::TextLike, Datum::Duration(5), Ok(text("5"))),
            (
                Kind::Text,
                Datum::Nil,
                Err("a function expected a string but got nil"),
            ),
            (
                Kind::Map,
                Datum::Int(1),
                Err("a function expected a map but got another type"),
            ),
        ] {
            assert_eq!(coerced(kind, given.clone()), expected, "{kind:?} {given:?}");
        }
        for kind in [
            Kind::IntLike,
            Kind::FloatLike,
            Kind::BoolLike,
            Kind::BytesLike,
            Kind::TextLike,
        ] {
            assert_eq!(coerced(kind, Datum::Nil), Ok(Datum::Nil));
        }
    }
}
