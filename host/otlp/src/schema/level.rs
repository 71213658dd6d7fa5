//! How the rows of each context lie in the messages around them.

use spanmill_model::Context;

use super::Message;

/// Where the rows below a context's own stand, as far as the index lists those.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nesting {
    /// Beside it: one message holds a resource and its scopes, or a scope and its spans.
    Beside,
    /// In one of several messages inside it, of which it has one at most: a metric's points.
    Inside,
    /// The index lists none below.
    Leaf,
}

/// How the rows below a context's own are nested.
pub(crate) const fn nesting(context: Context) -> Nesting {
    match context {
        Context::Resource | Context::Scope => Nesting::Beside,
        Context::Metric => Nesting::Inside,
        _ => Nesting::Leaf,
    }
}

/// The message of a context's rows. Those of data points are as their metric's [`DataKind`] says.
pub(crate) const fn message_of(context: Context) -> Message {
    match context {
        Context::Resource => Message::Resource,
        Context::Scope => Message::Scope,
        Context::Span => Message::Span,
        Context::SpanEvent => Message::Event,
        Context::SpanLink => Message::Link,
        Context::Log => Message::Log,
        Context::Metric => Message::Metric,
        Context::DataPoint => Message::NumberPoint,
    }
}

/// What a metric's points are; the numbers are those of `metric.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum DataKind {
    /// The metric has none.
    #[default]
    None = 0,
    Gauge = 1,
    Sum = 2,
    Histogram = 3,
    ExponentialHistogram = 4,
    Summary = 5,
}

impl DataKind {
    /// The kind that a field of a metric holds, if it is one of those that hold points.
    pub(crate) const fn of_field(number: u32) -> Option<DataKind> {
        Some(match number {
            5 => DataKind::Gauge,
            7 => DataKind::Sum,
            9 => DataKind::Histogram,
            10 => DataKind::ExponentialHistogram,
            11 => DataKind::Summary,
            _ => return None,
        })
    }

    /// The message of a point.
    pub(crate) const fn point(self) -> Message {
        match self {
            DataKind::None | DataKind::Gauge | DataKind::Sum => Message::NumberPoint,
            DataKind::Histogram => Message::HistogramPoint,
            DataKind::ExponentialHistogram => Message::ExponentialPoint,
            DataKind::Summary => Message::SummaryPoint,
        }
    }

    /// The kind of its points, by which columns are laid out.
    pub(crate) const fn point_kind(self) -> usize {
        match self {
            DataKind::None | DataKind::Gauge | DataKind::Sum => 0,
            DataKind::Histogram => 1,
            DataKind::ExponentialHistogram => 2,
            DataKind::Summary => 3,
        }
    }

    /// The message around the points.
    pub(crate) const fn message(self) -> Message {
        match self {
            DataKind::None | DataKind::Gauge | DataKind::Summary => Message::Gauge,
            DataKind::Sum => Message::Sum,
            DataKind::Histogram | DataKind::ExponentialHistogram => Message::Histogram,
        }
    }

    /// Whether the message around the points has a field of its own.
    pub(crate) const fn has(self, number: u32) -> bool {
        use super::number::{IS_MONOTONIC, TEMPORALITY};
        match self {
            DataKind::None | DataKind::Gauge | DataKind::Summary => false,
            DataKind::Sum => matches!(number, TEMPORALITY | IS_MONOTONIC),
            DataKind::Histogram | DataKind::ExponentialHistogram => number == TEMPORALITY,
        }
    }
}
