//! The fields with a fixed place that a plugin may name; attributes aside, which every context has.

use crate::Context;

/// The kind of column a field crosses as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `u32` a row.
    Narrow,
    /// `u64` a row.
    Wide,
    /// Two `u64` a row.
    TraceId,
    /// A pool index a row.
    Text,
    /// A value of any kind a row.
    Value,
    /// An int or a double a row, or nothing.
    Number,
    /// An array of numbers a row, or nothing; of pairs of numbers for quantiles.
    List,
}

/// A field with a fixed place.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// The context that has it.
    pub context: Context,
    /// Its name in paths, behind the context's.
    pub name: &'static str,
    /// The kind of column it crosses as.
    pub shape: Shape,
    /// Whether plugins may write it.
    pub writable: bool,
}

const fn field(context: Context, name: &'static str, shape: Shape) -> Field {
    Field {
        context,
        name,
        shape,
        writable: false,
    }
}

const fn writable(context: Context, name: &'static str, shape: Shape) -> Field {
    Field {
        context,
        name,
        shape,
        writable: true,
    }
}

/// Every field; the WIT's table says the same.
pub static FIELDS: [Field; FIELD_COUNT] = {
    use Context::{DataPoint, Log, Metric, Resource, Scope, Span, SpanEvent, SpanLink};
    use Shape::{List, Narrow, Number, Text, TraceId, Value, Wide};
    [
        field(Resource, "dropped_attributes_count", Narrow),
        field(Resource, "schema_url", Text),
        writable(Scope, "name", Text),
        writable(Scope, "version", Text),
        field(Scope, "dropped_attributes_count", Narrow),
        field(Scope, "schema_url", Text),
        field(Span, "trace_id", TraceId),
        field(Span, "span_id", Wide),
        writable(Span, "trace_state", Text),
        field(Span, "parent_span_id", Wide),
        writable(Span, "name", Text),
        writable(Span, "kind", Narrow),
        writable(Span, "start_time_unix_nano", Wide),
        writable(Span, "end_time_unix_nano", Wide),
        field(Span, "dropped_attributes_count", Narrow),
        field(Span, "dropped_events_count", Narrow),
        field(Span, "dropped_links_count", Narrow),
        writable(Span, "status.message", Text),
        writable(Span, "status.code", Narrow),
        field(Span, "flags", Narrow),
        field(Span, "encoded_size", Narrow),
        writable(SpanEvent, "time_unix_nano", Wide),
        writable(SpanEvent, "name", Text),
        field(SpanEvent, "dropped_attributes_count", Narrow),
        field(SpanLink, "trace_id", TraceId),
        field(SpanLink, "span_id", Wide),
        field(SpanLink, "trace_state", Text),
        field(SpanLink, "dropped_attributes_count", Narrow),
        field(SpanLink, "flags", Narrow),
        writable(Log, "time_unix_nano", Wide),
        writable(Log, "observed_time_unix_nano", Wide),
        writable(Log, "severity_number", Narrow),
        writable(Log, "severity_text", Text),
        writable(Log, "body", Value),
        field(Log, "dropped_attributes_count", Narrow),
        field(Log, "flags", Narrow),
        field(Log, "trace_id", TraceId),
        field(Log, "span_id", Wide),
        writable(Log, "event_name", Text),
        field(Log, "encoded_size", Narrow),
        writable(Metric, "name", Text),
        writable(Metric, "description", Text),
        writable(Metric, "unit", Text),
        field(Metric, "type", Narrow),
        writable(Metric, "aggregation_temporality", Narrow),
        writable(Metric, "is_monotonic", Narrow),
        writable(DataPoint, "start_time_unix_nano", Wide),
        writable(DataPoint, "time_unix_nano", Wide),
        writable(DataPoint, "flags", Narrow),
        writable(DataPoint, "value", Number),
        field(DataPoint, "count", Wide),
        field(DataPoint, "sum", Number),
        field(DataPoint, "min", Number),
        field(DataPoint, "max", Number),
        field(DataPoint, "scale", Number),
        field(DataPoint, "zero_count", Wide),
        field(DataPoint, "zero_threshold", Number),
        field(DataPoint, "bucket_counts", List),
        field(DataPoint, "explicit_bounds", List),
        field(DataPoint, "positive.offset", Number),
        field(DataPoint, "positive.bucket_counts", List),
        field(DataPoint, "negative.offset", Number),
        field(DataPoint, "negative.bucket_counts", List),
        field(DataPoint, "quantile_values", List),
    ]
};

const FIELD_COUNT: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_there_twice() {
        for (at, field) in FIELDS.iter().enumerate() {
            let again = FIELDS[..at]
                .iter()
                .any(|other| (other.context, other.name) == (field.context, field.name));
            assert!(!again, "{field:?}");
        }
    }
}
