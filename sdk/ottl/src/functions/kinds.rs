//! What type a value has, and whether it holds anything.

use spanmill_sdk::nested;

use crate::coerce::Kind::Any;
use crate::datum::Datum;
use crate::function::Make::Plain;
use crate::function::{Answer, Input, Signature, converter, predicate, takes};

/// A function that tells one type from the others.
macro_rules! is {
    ($name:literal, $pattern:pat) => {
        predicate(
            $name,
            &[takes("target", Any)],
            Plain(|input| Ok(Datum::Bool(matches!(input.value(0), $pattern)))),
        )
    };
}

pub(super) static FUNCTIONS: &[Signature] = &[
    is!("IsString", Datum::Text(_)),
    is!("IsInt", Datum::Int(_)),
    is!("IsDouble", Datum::Float(_)),
    is!("IsBool", Datum::Bool(_)),
    is!("IsMap", Datum::Map(_)),
    is!("IsList", Datum::List(_)),
    predicate("IsEmpty", &[takes("target", Any)], Plain(is_empty)),
    converter("Len", &[takes("target", Any)], Plain(len)),
];

/// Nil, and whatever Go holds for the zero of its type.
fn is_empty<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    Ok(Datum::Bool(match input.value(0) {
        Datum::Nil => true,
        Datum::Bool(flag) => !flag,
        Datum::Int(number) | Datum::Duration(number) => *number == 0,
        Datum::Float(number) => *number == 0.0,
        Datum::Text(text) => text.is_empty(),
        Datum::Bytes(bytes) => bytes.is_empty(),
        Datum::List(list) => nested::items(list).next().is_none(),
        Datum::Map(map) => nested::entries(map).next().is_none(),
        Datum::TraceId(id) => *id == [0; 2],
        Datum::SpanId(id) => *id == 0,
        Datum::Time(moment) => moment.rfc3339() == "0001-01-01T00:00:00Z",
    }))
}

fn len<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    Ok(Datum::Int(match input.value(0) {
        Datum::Text(text) => text.len() as i64,
        Datum::Bytes(bytes) => bytes.len() as i64,
        Datum::List(list) => nested::items(list).count() as i64,
        Datum::Map(map) => nested::entries(map).count() as i64,
        _ => return Err("Len takes a string, a list or a map"),
    }))
}
