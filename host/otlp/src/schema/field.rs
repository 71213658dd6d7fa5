//! Where each of the model's fields stands, and which column a field on the wire goes to.

use spanmill_model::{CellKind, Context, Field};

use super::level::DataKind;
use super::message::Message;
use super::{message_of, number};
use crate::wire::DELIMITED;

/// Where a field stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In the context's own message.
    Own(u32),
    /// In a data point, by the kind of point (see [`PointKind`]); 0 where points of a kind have none.
    Point([u32; POINT_KINDS]),
    /// The value of a number's data point, one of two fields.
    PointValue,
    /// Fields of data points that are zero where they were not sent, at least in points of some kind.
    PointSum,
    PointScale,
    PointThreshold,
    /// A list of a histogram's or summary's data point.
    List(ListKind),
    /// In the positive or negative buckets of an exponential histogram's data point.
    Buckets(u32, u32),
    /// In a span's status.
    Status(u32),
    /// In what holds a metric's points.
    Data(u32),
    /// Which field holds a metric's points.
    DataKind,
    /// Beside the resource or scope.
    SchemaUrl,
    /// The length of the row's message, which no field of it says.
    EncodedSize,
}

/// The lists of data points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListKind {
    Counts,
    Bounds,
    Quantiles,
}

/// Kinds of data points: numbers, histograms, exponential histograms, summaries.
pub(crate) const POINT_KINDS: usize = 4;

/// Where a field of the model stands; `None` for one that the model has and the wire does not.
pub(crate) fn home(field: &Field) -> Option<Home> {
    use Context::{DataPoint, Log, Metric, Resource, Scope, Span, SpanEvent, SpanLink};
    use Home::{Own, Point};
    Some(match (field.context, field.name) {
        (Resource, "dropped_attributes_count") => Own(2),
        (Resource | Scope, "schema_url") => Home::SchemaUrl,
        (Scope, "name") => Own(1),
        (Scope, "version") => Own(2),
        (Scope, "dropped_attributes_count") => Own(4),
        (Span | Log, "encoded_size") => Home::EncodedSize,
        (Span, "trace_id") => Own(1),
        (Span, "span_id") => Own(2),
        (Span, "trace_state") => Own(3),
        (Span, "parent_span_id") => Own(4),
        (Span, "name") => Own(5),
        (Span, "kind") => Own(6),
        (Span, "start_time_unix_nano") => Own(7),
        (Span, "end_time_unix_nano") => Own(8),
        (Span, "dropped_attributes_count") => Own(10),
        (Span, "dropped_events_count") => Own(12),
        (Span, "dropped_links_count") => Own(14),
        (Span, "flags") => Own(16),
        (Span, "status.message") => Home::Status(number::STATUS_MESSAGE),
        (Span, "status.code") => Home::Status(number::STATUS_CODE),
        (SpanEvent, "time_unix_nano") => Own(1),
        (SpanEvent, "name") => Own(2),
        (SpanEvent, "dropped_attributes_count") => Own(4),
        (SpanLink, "trace_id") => Own(1),
        (SpanLink, "span_id") => Own(2),
        (SpanLink, "trace_state") => Own(3),
        (SpanLink, "dropped_attributes_count") => Own(5),
        (SpanLink, "flags") => Own(6),
        (Log, "time_unix_nano") => Own(1),
        (Log, "severity_number") => Own(2),
        (Log, "severity_text") => Own(3),
        (Log, "body") => Own(5),
        (Log, "dropped_attributes_count") => Own(7),
        (Log, "flags") => Own(8),
        (Log, "trace_id") => Own(9),
        (Log, "span_id") => Own(10),
        (Log, "observed_time_unix_nano") => Own(11),
        (Log, "event_name") => Own(12),
        (Metric, "name") => Own(1),
        (Metric, "description") => Own(2),
        (Metric, "unit") => Own(3),
        (Metric, "type") => Home::DataKind,
        (Metric, "aggregation_temporality") => Home::Data(number::TEMPORALITY),
        (Metric, "is_monotonic") => Home::Data(number::IS_MONOTONIC),
        (DataPoint, "start_time_unix_nano") => Own(2),
        (DataPoint, "time_unix_nano") => Own(3),
        (DataPoint, "flags") => Point([8, 10, 10, 8]),
        (DataPoint, "value") => Home::PointValue,
        (DataPoint, "count") => Point([0, 4, 4, 4]),
        (DataPoint, "sum") => Home::PointSum,
        (DataPoint, "min") => Point([0, 11, 12, 0]),
        (DataPoint, "max") => Point([0, 12, 13, 0]),
        (DataPoint, "scale") => Home::PointScale,
        (DataPoint, "zero_count") => Point([0, 0, 7, 0]),
        (DataPoint, "zero_threshold") => Home::PointThreshold,
        (DataPoint, "bucket_counts") => Home::List(ListKind::Counts),
        (DataPoint, "explicit_bounds") => Home::List(ListKind::Bounds),
        (DataPoint, "quantile_values") => Home::List(ListKind::Quantiles),
        (DataPoint, "positive.offset") => Home::Buckets(number::POSITIVE, number::OFFSET),
        (DataPoint, "positive.bucket_counts") => Home::Buckets(number::POSITIVE, number::COUNTS),
        (DataPoint, "negative.offset") => Home::Buckets(number::NEGATIVE, number::OFFSET),
        (DataPoint, "negative.bucket_counts") => Home::Buckets(number::NEGATIVE, number::COUNTS),
        _ => return None,
    })
}

impl Home {
    /// The field's number in a message of the context's own, if rows of that kind have it there.
    pub(crate) fn own_number(self, point: usize) -> Option<u32> {
        match self {
            Home::Own(number) => Some(number),
            Home::Point(numbers) => numbers.get(point).copied().filter(|&number| number != 0),
            Home::PointValue if point == 0 => Some(number::AS_DOUBLE),
            Home::PointSum if point != 0 => Some(5),
            Home::PointScale if point == 2 => Some(6),
            Home::PointThreshold if point == 2 => Some(14),
            Home::List(ListKind::Counts) if point == 1 => Some(6),
            Home::List(ListKind::Bounds) if point == 1 => Some(7),
            Home::List(ListKind::Quantiles) if point == 3 => Some(6),
            _ => None,
        }
    }
}

impl Home {
    /// What a cell is where the field was not sent, if not absent: with bits of 0.
    pub(crate) fn implied(self, data: DataKind) -> Option<CellKind> {
        match (self, data) {
            (Home::PointSum, DataKind::Summary)
            | (Home::PointThreshold, DataKind::ExponentialHistogram) => Some(CellKind::Double),
            (Home::PointScale, DataKind::ExponentialHistogram) => Some(CellKind::Int),
            _ => None,
        }
    }
}

/// No column.
pub(crate) const NO_COLUMN: u8 = u8::MAX;

/// Which column each field of a message goes to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// By field number of the own message.
    pub(crate) by_number: [u8; 17],
    /// By field number of a span's status, or of what holds a metric's points.
    pub(crate) nested: [u8; 4],
    pub(crate) has_nested: bool,
    /// By field number of the positive and of the negative buckets.
    pub(crate) buckets: [[u8; 3]; 2],
    pub(crate) has_buckets: bool,
    pub(crate) has_lists: bool,
    pub(crate) schema_url: u8,
    pub(crate) data_kind: u8,
    pub(crate) encoded_size: u8,
    /// The number of the attributes, and their tag.
    pub(crate) attributes: u32,
    pub(crate) attribute_tag: u8,
}

impl Default for Layout {
    fn default() -> Self {
        Layout {
            by_number: [NO_COLUMN; 17],
            nested: [NO_COLUMN; 4],
            has_nested: false,
            buckets: [[NO_COLUMN; 3]; 2],
            has_buckets: false,
            has_lists: false,
            schema_url: NO_COLUMN,
            data_kind: NO_COLUMN,
            encoded_size: NO_COLUMN,
            attributes: 0,
            attribute_tag: 0,
        }
    }
}

impl Layout {
    /// For rows of a context; of data points for those of one kind.
    pub(crate) fn new(context: Context, point: usize, homes: impl Iterator<Item = Home>) -> Self {
        let attributes = attributes_number(context, point);
        let mut layout = Layout {
            attributes,
            attribute_tag: (attributes << 3) as u8 | DELIMITED,
            ..Layout::default()
        };
        for (column, home) in (0..NO_COLUMN).zip(homes) {
            layout.has_lists |= matches!(home, Home::List(_) | Home::Buckets(_, number::COUNTS));
            let mut put = |number: u32| {
                if let Some(slot) = layout.by_number.get_mut(number as usize) {
                    *slot = column;
                }
            };
            match home {
                Home::PointValue if point == 0 => {
                    put(number::AS_DOUBLE);
                    put(number::AS_INT);
                }
                Home::Status(number) | Home::Data(number) => {
                    if let Some(slot) = layout.nested.get_mut(number as usize) {
                        *slot = column;
                        layout.has_nested = true;
                    }
                }
                Home::Buckets(side, number) if point == 2 => {
                    let [positive, negative] = &mut layout.buckets;
                    let slots = match side {
                        number::POSITIVE => positive,
                        _ => negative,
                    };
                    if let Some(slot) = slots.get_mut(number as usize) {
                        *slot = column;
                        layout.has_buckets = true;
                    }
                }
                Home::DataKind => layout.data_kind = column,
                Home::SchemaUrl => layout.schema_url = column,
                Home::EncodedSize => layout.encoded_size = column,
                home => {
                    if let Some(number) = home.own_number(point) {
                        put(number);
                    }
                }
            }
        }
        layout
    }
}

/// The field number of the attributes in messages of a context; of data points in those of one kind.
pub(crate) fn attributes_number(context: Context, point: usize) -> u32 {
    let message = match (context, point) {
        (Context::DataPoint, 1) => DataKind::Histogram.point(),
        (Context::DataPoint, 2) => DataKind::ExponentialHistogram.point(),
        (Context::DataPoint, 3) => DataKind::Summary.point(),
        (context, _) => message_of(context),
    };
    u32::from(Message::attribute_tag(message) >> 3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Kind;
    use spanmill_model::{FIELDS, Shape};

    /// What a field of a shape may be on the wire.
    fn fits(shape: Shape, kind: Kind) -> bool {
        match shape {
            Shape::Narrow => matches!(kind, Kind::Varint | Kind::Fixed32),
            Shape::Wide => matches!(kind, Kind::Fixed64 | Kind::Id(8)),
            Shape::TraceId => kind == Kind::Id(16),
            Shape::Text => kind == Kind::Text,
            Shape::Value => kind == Kind::Message(Message::AnyValue),
            Shape::Number => matches!(kind, Kind::Fixed64 | Kind::Varint),
            Shape::List => {
                let quantiles = Kind::Message(Message::Quantile);
                matches!(kind, Kind::Fixed64s | Kind::Varints) || kind == quantiles
            }
        }
    }

    #[test]
    fn every_field_of_the_model_has_a_home_of_its_shape() {
        let points = [
            DataKind::Gauge,
            DataKind::Histogram,
            DataKind::ExponentialHistogram,
            DataKind::Summary,
        ];
        for field in &FIELDS {
            let home = home(field).unwrap();
            let message = |point: usize| match field.context {
                Context::DataPoint => points[point].point(),
                context => message_of(context),
            };
            let mut own = 0;
            for point in 0..POINT_KINDS {
                if let Some(number) = home.own_number(point) {
                    let kind = message(point).fields()[number as usize];
                    assert!(fits(field.shape, kind), "{field:?} {kind:?}");
                    own += 1;
                }
            }
            let nested = match home {
                Home::Status(number) => Message::Status.fields()[number as usize],
                Home::Buckets(side, number) => {
                    let buckets = message(2).fields()[side as usize];
                    assert_eq!(buckets, Kind::Message(Message::Buckets));
                    Message::Buckets.fields()[number as usize]
                }
                Home::Data(number) => Message::Sum.fields()[number as usize],
                Home::SchemaUrl => Kind::Text,
                Home::EncodedSize => Kind::Varint,
                Home::DataKind => Kind::Varint,
                _ => {
                    assert!(own > 0, "{field:?}");
                    continue;
                }
            };
            assert!(fits(field.shape, nested), "{field:?}");
        }
    }
}
