//! What an editor writes: a field, and how a value becomes one of its cells.

use spanmill_sdk::{CellKind, Context, Value};

use crate::cell::Cell;
use crate::datum::{Datum, Failure};
use crate::expression::{Expression, Scope, evaluated};
use crate::field::{Field, KINDS, Reading, View};
use crate::frame::Frame;
use crate::index;

/// A field that is written, and what stands in brackets behind it.
#[derive(Clone)]
pub(crate) struct Target {
    pub field: Field,
    pub keys: Vec<Expression>,
}

/// A cell to write, whose text is not in the pool yet.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw {
    Cell(Cell),
    Pooled(CellKind, Vec<u8>),
}

impl Raw {
    /// The cell, with its text put into the pool.
    pub(crate) fn into_cell(self, frame: &mut Frame<'_>) -> Cell {
        match self {
            Raw::Cell(cell) => cell,
            Raw::Pooled(kind, bytes) => Cell::new(kind, frame.pool.intern(&bytes).into()),
        }
    }

    /// A value of telemetry; nil is one that is empty.
    pub(crate) fn of(datum: &Datum<'_>) -> Result<Raw, Failure> {
        Ok(match datum.to_value()? {
            Value::Absent => Raw::Cell(Cell::ABSENT),
            Value::Empty => Raw::Cell(Cell::new(CellKind::Empty, 0)),
            Value::Bool(flag) => Raw::Cell(Cell::new(CellKind::Bool, flag.into())),
            Value::Int(number) => Raw::Cell(Cell::int(number)),
            Value::Double(number) => Raw::Cell(Cell::new(CellKind::Double, number.to_bits())),
            Value::Text(text) => Raw::Pooled(CellKind::Text, text.as_bytes().to_vec()),
            Value::Bytes(bytes) => Raw::Pooled(CellKind::Bytes, bytes.to_vec()),
            nested @ (Value::Array(_) | Value::Map(_)) if !fits(nested, MESSAGES) => {
                return Err("the value is nested more deeply than telemetry may be");
            }
            Value::Array(list) => Raw::Pooled(CellKind::Array, list.to_vec()),
            Value::Map(map) => Raw::Pooled(CellKind::Map, map.to_vec()),
        })
    }
}

/// How many messages of OTLP may stand in each other in a value: the host takes 92.
const MESSAGES: u32 = 90;

/// Whether a value has no more than so many messages in each other: a list and its item are two, a map, its entry and that
/// one's value are three.
fn fits(value: Value<'_>, messages: u32) -> bool {
    let left = |taken: u32| messages.checked_sub(taken);
    match value {
        Value::Array(list) => left(2).is_some_and(|left| {
            let mut items = spanmill_sdk::nested::items(list);
            items.all(|item| fits(item, left))
        }),
        Value::Map(map) => left(3).is_some_and(|left| {
            let mut entries = spanmill_sdk::nested::entries(map);
            entries.all(|(_, value)| fits(value, left))
        }),
        _ => true,
    }
}

fn text(datum: &Datum<'_>) -> Result<Raw, Failure> {
    match datum {
        Datum::Text(text) => Ok(Raw::Pooled(CellKind::Text, text.as_bytes().to_vec())),
        _ => Err("the field takes a string"),
    }
}

fn int(datum: &Datum<'_>) -> Result<i64, Failure> {
    match datum {
        Datum::Int(number) => Ok(*number),
        _ => Err("the field takes a whole number"),
    }
}

/// The number of a kind of span, by one of its names.
fn kind(
    datum: &Datum<'_>,
    name: fn(&(&'static str, &'static str)) -> &'static str,
) -> Result<Raw, Failure> {
    let Datum::Text(text) = datum else {
        return Err("the field takes a string");
    };
    let number = KINDS.iter().position(|kind| name(kind) == text);
    let number = number.ok_or("the string names no kind of span")?;
    Ok(Raw::Cell(Cell::int(number as i64)))
}

impl Target {
    /// Whether what is written depends on what stood there.
    pub(crate) fn has_keys(&self) -> bool {
        !self.keys.is_empty()
    }

    /// The value that stands there.
    pub(crate) fn get<'f>(&'f self, scope: &Scope<'f>) -> Result<Datum<'f>, Failure> {
        let row = scope
            .frame
            .ancestor(scope.context, self.field.context, scope.row);
        let reading = Reading {
            frame: scope.frame,
            row,
        };
        match self.keys.as_slice() {
            [] => self.field.get(&reading),
            keys => self.field.get_within(&reading, &evaluated(keys, scope)?),
        }
    }

    /// The cell that holds a new value; nothing, if the row does not have the field.
    pub(crate) fn cell(&self, scope: &Scope<'_>, new: &Datum<'_>) -> Result<Option<Raw>, Failure> {
        let frame = scope.frame;
        let row = frame.ancestor(scope.context, self.field.context, scope.row);
        if !self.field.is_there(&Reading { frame, row }) {
            return match self.field.context {
                Context::DataPoint => Err("the data point has no such field"),
                _ => Ok(None),
            };
        }
        if *new == Datum::Nil {
            return Err("nothing is set to nil");
        }
        if self.field.view == View::Value && self.keys.is_empty() {
            return Raw::of(new).map(Some);
        }
        let keys = evaluated(&self.keys, scope)?;
        let old = frame.value(frame.cell(self.field.place, row));
        Ok(Some(match self.field.view {
            View::Text => text(new)?,
            View::TraceState => match keys.as_slice() {
                [] => text(new)?,
                [Datum::Text(key)] => {
                    let old = match old {
                        Value::Text(old) => old,
                        _ => "",
                    };
                    let Datum::Text(new) = new else {
                        return Err("the field takes a string");
                    };
                    match with_member(old, key, new) {
                        Some(state) => Raw::Pooled(CellKind::Text, state.into_bytes()),
                        None => return Ok(None),
                    }
                }
                _ => return Err("trace_state takes one string in brackets"),
            },
            View::Body if !keys.is_empty() => match old {
                Value::Map(_) | Value::Array(_) => {
                    Raw::of(&index::put(old, &keys, &new.to_value()?)?)?
                }
                _ => return Err("the body is neither a map nor a list, and has no keys"),
            },
            View::Value | View::Body => Raw::of(&index::put(old, &keys, &new.to_value()?)?)?,
            View::Cache => match (keys.is_empty(), new) {
                (true, Datum::Map(map)) => Raw::Pooled(CellKind::Map, map.to_vec()),
                (true, _) => return Err("the cache takes a map"),
                (false, _) => Raw::of(&index::put(old, &keys, &new.to_value()?)?)?,
            },
            View::BodyText => text(new)?,
            View::Int => Raw::Cell(Cell::int(int(new)?)),
            View::Flag => match new {
                Datum::Bool(flag) => Raw::Cell(Cell::int((*flag).into())),
                _ => return Err("the field takes true or false"),
            },
            View::KindText => kind(new, |kind| kind.0)?,
            View::DeprecatedKindText => kind(new, |kind| kind.1)?,
            View::Time => match new {
                Datum::Time(moment) => Raw::Cell(Cell::int(moment.unix_nanos())),
                _ => return Err("the field takes a time"),
            },
            View::Double => match new {
                Datum::Float(number) => Raw::Cell(Cell::new(CellKind::Double, number.to_bits())),
                _ => return Err("the field takes a double"),
            },
            View::Whole => Raw::Cell(Cell::int(int(new)?)),
            View::SpanId
            | View::SpanIdText
            | View::TraceId
            | View::TraceIdText
            | View::Entries
            | View::Header
            | View::Count => return Err("the field is not written"),
        }))
    }
}

/// A W3C trace state with a member in front; nothing, if one of the two is none.
fn with_member(state: &str, key: &str, value: &str) -> Option<String> {
    let is_key = |key: &str| {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-*/@".contains(c);
        !key.is_empty() && key.len() <= 256 && key.chars().all(fits)
    };
    let is_value = |value: &str| {
        let fits = |c: char| matches!(c, ' '..='~') && !matches!(c, ',' | '=');
        !value.is_empty() && value.len() <= 256 && value.chars().all(fits) && !value.ends_with(' ')
    };
    let mut members = Vec::new();
    for member in state
        .split(',')
        .map(str::trim)
        .filter(|member| !member.is_empty())
    {
        let (known, value) = member.split_once('=')?;
        if !is_key(known) || !is_value(value) {
            return None;
        }
        if known != key {
            members.push(member);
        }
    }
    if !is_key(key) || !is_value(value) {
        return None;
    }
    members.truncate(31);
    let rest: String = members.iter().map(|member| format!(",{member}")).collect();
    Some(format!("{key}={value}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list in a list, so many times.
    fn nested(levels: u32) -> Vec<u8> {
        (0..levels).fold(Vec::new(), |inner, _| {
            let mut list = Vec::new();
            spanmill_sdk::nested::push_item(&mut list, &Value::Array(&inner));
            list
        })
    }

    #[test]
    fn what_is_nested_more_deeply_than_the_host_takes_is_not_written() {
        let of = |levels| Raw::of(&Datum::List(nested(levels).into()));
        assert!(of(44).is_ok());
        assert_eq!(
            of(45),
            Err("the value is nested more deeply than telemetry may be")
        );
    }
}
