//! Checked values: what they read, and how one is computed for a row.

use std::borrow::Cow;

use spanmill_sdk::{
    AttributeField, Batch, CellField, Context, ListField, NarrowField, TextField, TraceIdField,
    Value, WideField,
};

use crate::ast::{Arithmetic, Key};
use crate::datum::{Datum, indexed};
use crate::function::Function;

/// A column, and what is made of its value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    /// The table it stands in.
    pub context: Context,
    pub source: Source,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    Text(TextField),
    /// One member of a W3C trace state.
    TraceStateKey(TextField, String),
    Narrow(NarrowField),
    /// `Server`.
    KindText(NarrowField),
    /// `SPAN_KIND_SERVER`.
    DeprecatedKindText(NarrowField),
    Wide(WideField),
    SpanId(WideField),
    SpanIdText(WideField),
    TraceId(TraceIdField),
    TraceIdText(TraceIdField),
    Attribute(AttributeField, Vec<Key>),
    /// How many attributes there are.
    Count(ListField),
    /// A value of any kind.
    Cells(CellField, Vec<Key>),
    /// The same as text.
    CellText(CellField),
    /// A value's double; 0 where it is none.
    CellFloat(CellField),
    /// A value's whole number; 0 where it is none.
    CellInt(CellField),
    /// 0 or 1.
    Flag(NarrowField),
    /// A field of a metric or a data point that others than metrics of these types do not have.
    OfTypes {
        metric_type: NarrowField,
        types: &'static [u32],
        source: Box<Source>,
    },
    /// Whether a metric has a data point with an attribute; with a value, whether the first that has it has that text.
    PointAttribute {
        metric_type: NarrowField,
        attribute: AttributeField,
        value: Option<String>,
    },
}

impl Source {
    /// Whether it is true or false.
    pub(crate) fn is_condition(&self) -> bool {
        matches!(self, Source::PointAttribute { .. })
    }
}

/// A checked value.
#[derive(Debug, Clone)]
pub(crate) enum Expression {
    Constant(Datum<'static>),
    Field(Field),
    Call(Function, Vec<Expression>),
    Math(Box<Expression>, Arithmetic, Box<Expression>),
}

const KINDS: [(&str, &str); 6] = [
    ("Unspecified", "SPAN_KIND_UNSPECIFIED"),
    ("Internal", "SPAN_KIND_INTERNAL"),
    ("Server", "SPAN_KIND_SERVER"),
    ("Client", "SPAN_KIND_CLIENT"),
    ("Producer", "SPAN_KIND_PRODUCER"),
    ("Consumer", "SPAN_KIND_CONSUMER"),
];

impl Field {
    /// The value of a row of the field's own table.
    pub(crate) fn get<'a>(&self, batch: &Batch<'a>, row: usize) -> Result<Datum<'a>, &'static str> {
        self.value(&self.source, batch, row)
    }

    fn value<'a>(
        &self,
        source: &Source,
        batch: &Batch<'a>,
        row: usize,
    ) -> Result<Datum<'a>, &'static str> {
        let text = |field: TextField| {
            batch
                .texts
                .get(batch.text(field).get(row).copied().unwrap_or(u32::MAX))
        };
        let narrow = |field: NarrowField| batch.narrow(field).get(row).copied().unwrap_or(0);
        let wide = |field: WideField| batch.wide(field).get(row).copied().unwrap_or(0);
        let words = |field: TraceIdField| {
            let words = batch.trace_ids(field);
            [
                words.get(2 * row).copied().unwrap_or(0),
                words.get(2 * row + 1).copied().unwrap_or(0),
            ]
        };
        let cell = |field: CellField| batch.cells(field).get(row, &batch.texts);
        Ok(match source {
            Source::Text(field) => Datum::Text(Cow::Borrowed(text(*field))),
            Source::TraceStateKey(field, key) => {
                Datum::Text(Cow::Borrowed(trace_state_member(text(*field), key)))
            }
            Source::Narrow(field) => Datum::Int(narrow(*field).into()),
            Source::KindText(field) => {
                let kind = KINDS.get(narrow(*field) as usize).map_or("", |kind| kind.0);
                Datum::Text(Cow::Borrowed(kind))
            }
            Source::DeprecatedKindText(field) => {
                let kind = KINDS.get(narrow(*field) as usize).map_or("", |kind| kind.1);
                Datum::Text(Cow::Borrowed(kind))
            }
            Source::Wide(field) => Datum::Int(wide(*field) as i64),
            Source::SpanId(field) => Datum::SpanId(wide(*field)),
            Source::SpanIdText(field) => Datum::Text(Cow::Owned(format!("{:016x}", wide(*field)))),
            Source::TraceId(field) => Datum::TraceId(words(*field)),
            Source::TraceIdText(field) => {
                let [high, low] = words(*field);
                Datum::Text(Cow::Owned(format!("{high:016x}{low:016x}")))
            }
            Source::Attribute(field, keys) => {
                indexed(batch.attribute(*field).get(row, &batch.texts), keys)?
            }
            Source::Cells(field, keys) => indexed(cell(*field), keys)?,
            Source::CellText(field) => Datum::Text(cell(*field).to_text()),
            Source::CellFloat(field) => Datum::Float(match cell(*field) {
                Value::Double(number) => number,
                _ => 0.0,
            }),
            Source::CellInt(field) => Datum::Int(match cell(*field) {
                Value::Int(number) => number,
                _ => 0,
            }),
            Source::Flag(field) => Datum::Bool(narrow(*field) != 0),
            Source::OfTypes {
                metric_type,
                types,
                source,
            } => {
                let metric = match self.context {
                    Context::DataPoint => batch.parents(Context::DataPoint).get(row).copied(),
                    _ => Some(row as u32),
                };
                let metric_type =
                    metric.and_then(|row| batch.narrow(*metric_type).get(row as usize).copied());
                match metric_type.is_some_and(|metric_type| types.contains(&metric_type)) {
                    true => self.value(source, batch, row)?,
                    false => Datum::Nil,
                }
            }
            Source::PointAttribute {
                metric_type,
                attribute,
                value,
            } => {
                if narrow(*metric_type) == 0 {
                    return Err("the metric has no data");
                }
                Datum::Bool(has_point_attribute(
                    batch,
                    row,
                    *attribute,
                    value.as_deref(),
                ))
            }
            Source::Count(field) => Datum::Int(batch.attributes(*field).entries(row).len() as i64),
        })
    }
}

/// Whether a data point of a metric has an attribute; with a text, whether the first that has it has that. A value that
/// is no text reads as an empty one, as in the Collector.
fn has_point_attribute(
    batch: &Batch<'_>,
    metric: usize,
    attribute: AttributeField,
    text: Option<&str>,
) -> bool {
    let values = batch.attribute(attribute);
    // Points stand in the order of their metrics.
    let parents = batch.parents(Context::DataPoint);
    let first = parents.partition_point(|&parent| (parent as usize) < metric);
    let points = parents.iter().enumerate().skip(first);
    let mut of_metric = points.take_while(|(_, parent)| **parent as usize == metric);
    of_metric
        .find_map(|(point, _)| match values.get(point, &batch.texts) {
            Value::Absent => None,
            Value::Text(found) => Some(text.is_none_or(|text| text == found)),
            _ => Some(text.is_none_or(str::is_empty)),
        })
        .unwrap_or(false)
}

/// The value of one member of a W3C trace state; empty where there is none.
fn trace_state_member<'a>(trace_state: &'a str, key: &str) -> &'a str {
    trace_state
        .split(',')
        .filter_map(|member| member.trim_matches([' ', '\t']).split_once('='))
        .find(|(name, _)| *name == key)
        .map_or("", |(_, value)| value)
}

impl Expression {
    /// Every field it reads.
    pub(crate) fn fields<'b>(&'b self, found: &mut Vec<&'b Field>) {
        match self {
            Expression::Constant(_) => {}
            Expression::Field(field) => found.push(field),
            Expression::Call(_, arguments) => {
                arguments.iter().for_each(|argument| argument.fields(found));
            }
            Expression::Math(left, _, right) => {
                left.fields(found);
                right.fields(found);
            }
        }
    }

    /// The value, where `field` gives those of the columns.
    pub(crate) fn evaluate<'a>(
        &'a self,
        field: &impl Fn(&Field) -> Result<Datum<'a>, &'static str>,
    ) -> Result<Datum<'a>, &'static str> {
        match self {
            Expression::Constant(constant) => Ok(constant.borrowed()),
            Expression::Field(read) => field(read),
            Expression::Call(function, arguments) => {
                let arguments: Result<Vec<_>, _> = arguments
                    .iter()
                    .map(|argument| argument.evaluate(field))
                    .collect();
                function.call(&arguments?)
            }
            Expression::Math(left, operator, right) => {
                math(left.evaluate(field)?, *operator, right.evaluate(field)?)
            }
        }
    }
}

fn math<'a>(
    left: Datum<'_>,
    operator: Arithmetic,
    right: Datum<'_>,
) -> Result<Datum<'a>, &'static str> {
    let float = |datum: &Datum<'_>| match datum {
        Datum::Int(number) => Ok(*number as f64),
        Datum::Float(number) => Ok(*number),
        _ => Err("arithmetic takes numbers"),
    };
    if let (Datum::Int(left), Datum::Int(right)) = (&left, &right) {
        return Ok(Datum::Int(match operator {
            Arithmetic::Add => left.wrapping_add(*right),
            Arithmetic::Subtract => left.wrapping_sub(*right),
            Arithmetic::Multiply => left.wrapping_mul(*right),
            Arithmetic::Divide if *right == 0 => return Err("a division by zero"),
            Arithmetic::Divide => left.wrapping_div(*right),
        }));
    }
    let (left, right) = (float(&left)?, float(&right)?);
    if operator == Arithmetic::Divide && right == 0.0 {
        return Err("a division by zero");
    }
    Ok(Datum::Float(match operator {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
    }))
}
