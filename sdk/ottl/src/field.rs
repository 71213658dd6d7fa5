//! Fields of telemetry: which column they stand in, and what is made of its cells.

use std::borrow::Cow;

use spanmill_sdk::{Context, Value, nested};

use crate::cell::Cell;
use crate::datum::{Datum, Failure};
use crate::frame::Frame;
use crate::index;
use crate::moment::Moment;
use crate::slots::Place;

/// A field of telemetry.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// What has it.
    pub context: Context,
    pub place: Place,
    pub view: View,
    /// A field that others than metrics of some types do not have: where the type stands, and those types.
    pub of_types: Option<(Place, &'static [u32])>,
    /// As it is written in a statement, without keys.
    pub name: String,
}

/// What is made of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum View {
    /// A text that is never nil.
    Text,
    /// A value of any type.
    Value,
    /// A log record's body, which is there even if nothing was sent.
    Body,
    /// The same as text.
    BodyText,
    Int,
    /// 0 or 1.
    Flag,
    /// `Server`.
    KindText,
    /// `SPAN_KIND_SERVER`.
    DeprecatedKindText,
    /// Nanoseconds since 1970 as a time.
    Time,
    SpanId,
    SpanIdText,
    TraceId,
    TraceIdText,
    /// A W3C trace state, or one member of it.
    TraceState,
    /// A value's double; 0 where it is none.
    Double,
    /// A value's whole number; 0 where it is none.
    Whole,
    /// A whole attribute list.
    Entries,
    /// How many attributes there are.
    Count,
    /// What a row has for itself while statements run.
    Cache,
    /// The values of a header, as a list.
    Header,
}

/// The kinds of spans, by number.
pub(crate) const KINDS: [(&str, &str); 6] = [
    ("Unspecified", "SPAN_KIND_UNSPECIFIED"),
    ("Internal", "SPAN_KIND_INTERNAL"),
    ("Server", "SPAN_KIND_SERVER"),
    ("Client", "SPAN_KIND_CLIENT"),
    ("Producer", "SPAN_KIND_PRODUCER"),
    ("Consumer", "SPAN_KIND_CONSUMER"),
];

/// A row of the context that a field is of.
#[derive(Clone, Copy)]
pub(crate) struct Reading<'f> {
    pub frame: &'f Frame<'f>,
    pub row: usize,
}

impl<'f> Reading<'f> {
    fn metric(&self, context: Context) -> usize {
        self.frame.ancestor(context, Context::Metric, self.row)
    }
}

impl Field {
    /// Whether a row has the field at all.
    pub(crate) fn is_there(&self, reading: &Reading<'_>) -> bool {
        self.of_types.is_none_or(|(place, types)| {
            let metric = reading.metric(self.context);
            let metric_type = reading.frame.cell(place, metric).bits;
            types.iter().any(|&of| u64::from(of) == metric_type)
        })
    }

    /// The value of a row.
    pub(crate) fn get<'f>(&self, reading: &Reading<'f>) -> Result<Datum<'f>, Failure> {
        if !self.is_there(reading) {
            return Ok(Datum::Nil);
        }
        let Reading { frame, row } = *reading;
        let cell = frame.cell(self.place, row);
        Ok(match self.view {
            View::TraceId => Datum::TraceId(frame.trace_id(self.place, row)),
            View::TraceIdText => {
                let [high, low] = frame.trace_id(self.place, row);
                Datum::text(format!("{high:016x}{low:016x}"))
            }
            View::Entries => Datum::Map(Cow::Owned(frame.map(self.place.slot, row))),
            View::Count => {
                let entries = frame.entries(self.place.slot);
                Datum::Int(entries.map_or(0, |entries| entries.row(row).count()) as i64)
            }
            _ => self.seen(frame, cell),
        })
    }

    /// What the view makes of a cell; of ids and whole lists, which are no cells, nothing.
    pub(crate) fn seen<'f>(&self, frame: &'f Frame<'f>, cell: Cell) -> Datum<'f> {
        let number = cell.bits;
        let kind = KINDS.get(number as usize);
        match self.view {
            View::Text | View::TraceState => match frame.value(cell) {
                Value::Text(text) => Datum::Text(Cow::Borrowed(text)),
                _ => Datum::Text(Cow::Borrowed("")),
            },
            View::Value | View::Body | View::Cache => Datum::from_value(frame.value(cell)),
            View::Header => match frame.value(cell) {
                value @ (Value::Text(_) | Value::Bytes(_)) => {
                    let mut list = Vec::new();
                    nested::push_item(&mut list, &value);
                    Datum::List(Cow::Owned(list))
                }
                value => Datum::from_value(value),
            },
            View::BodyText => Datum::Text(frame.value(cell).to_text()),
            View::Int => Datum::Int(number as i64),
            View::Flag => Datum::Bool(number != 0),
            View::KindText => Datum::Text(Cow::Borrowed(kind.map_or("", |kind| kind.0))),
            View::DeprecatedKindText => Datum::Text(Cow::Borrowed(kind.map_or("", |kind| kind.1))),
            View::Time => Datum::Time(Moment::from_unix_nanos(number as i64)),
            View::SpanId => Datum::SpanId(number),
            View::SpanIdText => Datum::text(format!("{number:016x}")),
            View::Double => match frame.value(cell) {
                Value::Double(number) => Datum::Float(number),
                _ => Datum::Float(0.0),
            },
            View::Whole => match frame.value(cell) {
                Value::Int(number) => Datum::Int(number),
                _ => Datum::Int(0),
            },
            View::TraceId | View::TraceIdText | View::Entries | View::Count => Datum::Nil,
        }
    }

    /// What keys lead to in the value of a row.
    pub(crate) fn get_within<'f>(
        &self,
        reading: &Reading<'f>,
        keys: &[Datum<'_>],
    ) -> Result<Datum<'f>, Failure> {
        if !self.is_there(reading) {
            return Ok(Datum::Nil);
        }
        let Reading { frame, row } = *reading;
        let (value, keys) = match self.view {
            View::Entries => {
                let Some((Datum::Text(wanted), rest)) = keys.split_first() else {
                    return Err("the key of an attribute must be a string");
                };
                let mut entries = frame.entries(self.place.slot).into_iter();
                let found = entries.by_ref().find_map(|entries| {
                    let mut row = entries.row(row);
                    row.find(|entry| frame.pool.text(entry.key) == wanted)
                });
                let cell = found.map_or(Cell::ABSENT, |entry| entry.cell);
                (frame.value(cell), rest)
            }
            View::TraceState => {
                let [Datum::Text(key)] = keys else {
                    return Err("trace_state takes one string in brackets");
                };
                let text = match frame.value(frame.cell(self.place, row)) {
                    Value::Text(text) => text,
                    _ => "",
                };
                return Ok(Datum::Text(Cow::Borrowed(trace_state_member(text, key))));
            }
            View::Value | View::Body | View::Cache => {
                let value = frame.value(frame.cell(self.place, row));
                // No body is not an empty one.
                if matches!(
                    (self.view, value),
                    (View::Body, Value::Absent | Value::Empty)
                ) {
                    return Err("the body is neither a map nor a list, and has no keys");
                }
                (value, keys)
            }
            View::Header => match (frame.value(frame.cell(self.place, row)), keys) {
                (Value::Absent, _) => return Ok(Datum::Nil),
                (Value::Array(values), keys) => (Value::Array(values), keys),
                // One value is the list's first.
                (value, [Datum::Int(0), rest @ ..]) => (value, rest),
                (_, [Datum::Int(_), ..]) => return Err("the header has no value at that place"),
                _ => return Err("the values of a header are indexed by numbers"),
            },
            _ => return Err("only maps and lists are indexed, by strings and by numbers"),
        };
        Ok(Datum::from_value(index::within(value, keys)?))
    }
}

/// The value of one member of a W3C trace state; empty where there is none.
pub(crate) fn trace_state_member<'a>(trace_state: &'a str, key: &str) -> &'a str {
    trace_state
        .split(',')
        .filter_map(|member| member.trim_matches([' ', '\t']).split_once('='))
        .find(|(name, _)| *name == key)
        .map_or("", |(_, value)| value)
}
