//! OTLP's messages: what their fields are called, and how they are encoded.
//! From <https://github.com/open-telemetry/opentelemetry-proto>, v1.9.

/// A message.
pub(super) struct Message {
    pub fields: &'static [Field],
}

/// A field of a message.
pub(super) struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its name in the `.proto` file, which is read as well.
    pub proto_name: &'static str,
    pub number: u32,
    pub kind: Kind,
    pub rule: Rule,
}

/// What a field holds.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Message(&'static Message),
    Text,
    Bytes,
    /// An id of so many bytes, in hexadecimal; empty where there is none.
    Id(usize),
    Bool,
    Int64,
    Uint64,
    Uint32,
    /// Zigzag.
    Sint32,
    Fixed32,
    Fixed64,
    Sfixed64,
    Double,
    /// A number, or one of these names.
    Enum(&'static &'static Names),
}

/// How often a field stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Once, and not at all if it is the default.
    Single,
    /// Once, be it the default or not.
    Optional,
    Repeated,
    /// One of several, of which the last counts, be it the default or not.
    Choice,
}

use spanmill_model::{Names, SEVERITIES, SPAN_KINDS, STATUS_CODES, TEMPORALITIES};

use Kind::{
    Bool, Bytes, Double, Enum, Fixed32, Fixed64, Id, Int64, Sfixed64, Sint32, Text, Uint32, Uint64,
};
use Rule::{Choice, Optional, Repeated, Single};

const fn field(
    name: &'static str,
    proto_name: &'static str,
    number: u32,
    kind: Kind,
    rule: Rule,
) -> Field {
    Field {
        name,
        proto_name,
        number,
        kind,
        rule,
    }
}

const TRACE_ID: Kind = Id(16);
const SPAN_ID: Kind = Id(8);

#[rustfmt::skip]
mod rows {
    use super::*;

    /// `ExportTraceServiceRequest`.
    pub(in super::super) static TRACES: Message = Message { fields: &[
        field("resourceSpans", "resource_spans", 1, Kind::Message(&RESOURCE_SPANS), Repeated),
    ]};

    static RESOURCE_SPANS: Message = Message { fields: &[
        field("resource", "resource", 1, Kind::Message(&RESOURCE), Single),
        field("scopeSpans", "scope_spans", 2, Kind::Message(&SCOPE_SPANS), Repeated),
        field("schemaUrl", "schema_url", 3, Text, Single),
    ]};

    static RESOURCE: Message = Message { fields: &[
        field("attributes", "attributes", 1, Kind::Message(&KEY_VALUE), Repeated),
        field("droppedAttributesCount", "dropped_attributes_count", 2, Uint32, Single),
        field("entityRefs", "entity_refs", 3, Kind::Message(&ENTITY_REF), Repeated),
    ]};

    static ENTITY_REF: Message = Message { fields: &[
        field("schemaUrl", "schema_url", 1, Text, Single),
        field("type", "type", 2, Text, Single),
        field("idKeys", "id_keys", 3, Text, Repeated),
        field("descriptionKeys", "description_keys", 4, Text, Repeated),
    ]};

    static SCOPE_SPANS: Message = Message { fields: &[
        field("scope", "scope", 1, Kind::Message(&SCOPE), Single),
        field("spans", "spans", 2, Kind::Message(&SPAN), Repeated),
        field("schemaUrl", "schema_url", 3, Text, Single),
    ]};

    static SCOPE: Message = Message { fields: &[
        field("name", "name", 1, Text, Single),
        field("version", "version", 2, Text, Single),
        field("attributes", "attributes", 3, Kind::Message(&KEY_VALUE), Repeated),
        field("droppedAttributesCount", "dropped_attributes_count", 4, Uint32, Single),
    ]};

    static SPAN: Message = Message { fields: &[
        field("traceId", "trace_id", 1, TRACE_ID, Single),
        field("spanId", "span_id", 2, SPAN_ID, Single),
        field("traceState", "trace_state", 3, Text, Single),
        field("parentSpanId", "parent_span_id", 4, SPAN_ID, Single),
        field("name", "name", 5, Text, Single),
        field("kind", "kind", 6, Enum(&SPAN_KINDS), Single),
        field("startTimeUnixNano", "start_time_unix_nano", 7, Fixed64, Single),
        field("endTimeUnixNano", "end_time_unix_nano", 8, Fixed64, Single),
        field("attributes", "attributes", 9, Kind::Message(&KEY_VALUE), Repeated),
        field("droppedAttributesCount", "dropped_attributes_count", 10, Uint32, Single),
        field("events", "events", 11, Kind::Message(&EVENT), Repeated),
        field("droppedEventsCount", "dropped_events_count", 12, Uint32, Single),
        field("links", "links", 13, Kind::Message(&LINK), Repeated),
        field("droppedLinksCount", "dropped_links_count", 14, Uint32, Single),
        field("status", "status", 15, Kind::Message(&STATUS), Single),
        field("flags", "flags", 16, Fixed32, Single),
    ]};

    static EVENT: Message = Message { fields: &[
        field("timeUnixNano", "time_unix_nano", 1, Fixed64, Single),
        field("name", "name", 2, Text, Single),
        field("attributes", "attributes", 3, Kind::Message(&KEY_VALUE), Repeated),
        field("droppedAttributesCount", "dropped_attributes_count", 4, Uint32, Single),
    ]};

    static LINK: Message = Message { fields: &[
        field("traceId", "trace_id", 1, TRACE_ID, Single),
        field("spanId", "span_id", 2, SPAN_ID, Single),
        field("traceState", "trace_state", 3, Text, Single),
        field("attributes", "attributes", 4, Kind::Message(&KEY_VALUE), Repeated),
        field("droppedAttributesCount", "dropped_attributes_count", 5, Uint32, Single),
        field("flags", "flags", 6, Fixed32, Single),
    ]};

    static STATUS: Message = Message { fields: &[
        field("message", "message", 2, Text, Single),
        field("code", "code", 3, Enum(&STATUS_CODES), Single),
    ]};

    static KEY_VALUE: Message = Message { fields: &[
        field("key", "key", 1, Text, Single),
        field("value", "value", 2, Kind::Message(&ANY_VALUE), Single),
    ]};

    /// `ExportLogsServiceRequest`.
    pub(in super::super) static LOGS: Message = Message { fields: &[
        field("resourceLogs", "resource_logs", 1, Kind::Message(&RESOURCE_LOGS), Repeated),
    ]};

    static RESOURCE_LOGS: Message = Message { fields: &[
        field("resource", "resource", 1, Kind::Message(&RESOURCE), Single),
        field("scopeLogs", "scope_logs", 2, Kind::Message(&SCOPE_LOGS), Repeated),
        field("schemaUrl", "schema_url", 3, Text, Single),
    ]};

    static SCOPE_LOGS: Message = Message { fields: &[
        field("scope", "scope", 1, Kind::Message(&SCOPE), Single),
        field("logRecords", "log_records", 2, Kind::Message(&LOG_RECORD), Repeated),
        field("schemaUrl", "schema_url", 3, Text, Single),
    ]};

    static LOG_RECORD: Message = Message { fields: &[
        field("timeUnixNano", "time_unix_nano", 1, Fixed64, Single),
        field("observedTimeUnixNano", "observed_time_unix_nano", 11, Fixed64, Single),
        field("severityNumber", "severity_number", 2, Enum(&SEVERITIES), Single),
        field("severityText", "severity_text", 3, Text, Single),
        field("body", "body", 5, Kind::Message(&ANY_VALUE), Single),
        field("attributes", "attributes", 6, Kind::Message(&KEY_VALUE), Repeated),
        field("droppedAttributesCount", "dropped_attributes_count", 7, Uint32, Single),
        field("flags", "flags", 8, Fixed32, Single),
        field("traceId", "trace_id", 9, TRACE_ID, Single),
        field("spanId", "span_id", 10, SPAN_ID, Single),
        field("eventName", "event_name", 12, Text, Single),
    ]};

    /// `ExportMetricsServiceRequest`.
    pub(in super::super) static METRICS: Message = Message { fields: &[
        field("resourceMetrics", "resource_metrics", 1, Kind::Message(&RESOURCE_METRICS), Repeated),
    ]};

    static RESOURCE_METRICS: Message = Message { fields: &[
        field("resource", "resource", 1, Kind::Message(&RESOURCE), Single),
        field("scopeMetrics", "scope_metrics", 2, Kind::Message(&SCOPE_METRICS), Repeated),
        field("schemaUrl", "schema_url", 3, Text, Single),
    ]};

    static SCOPE_METRICS: Message = Message { fields: &[
        field("scope", "scope", 1, Kind::Message(&SCOPE), Single),
        field("metrics", "metrics", 2, Kind::Message(&METRIC), Repeated),
        field("schemaUrl", "schema_url", 3, Text, Single),
    ]};

    static METRIC: Message = Message { fields: &[
        field("name", "name", 1, Text, Single),
        field("description", "description", 2, Text, Single),
        field("unit", "unit", 3, Text, Single),
        field("gauge", "gauge", 5, Kind::Message(&GAUGE), Optional),
        field("sum", "sum", 7, Kind::Message(&SUM), Optional),
        field("histogram", "histogram", 9, Kind::Message(&HISTOGRAM), Optional),
        field("exponentialHistogram", "exponential_histogram", 10, Kind::Message(&EXPONENTIAL), Optional),
        field("summary", "summary", 11, Kind::Message(&SUMMARY), Optional),
        field("metadata", "metadata", 12, Kind::Message(&KEY_VALUE), Repeated),
    ]};

    static GAUGE: Message = Message { fields: &[
        field("dataPoints", "data_points", 1, Kind::Message(&NUMBER), Repeated),
    ]};

    static SUM: Message = Message { fields: &[
        field("dataPoints", "data_points", 1, Kind::Message(&NUMBER), Repeated),
        field("aggregationTemporality", "aggregation_temporality", 2, Enum(&TEMPORALITIES), Single),
        field("isMonotonic", "is_monotonic", 3, Bool, Single),
    ]};

    static HISTOGRAM: Message = Message { fields: &[
        field("dataPoints", "data_points", 1, Kind::Message(&HISTOGRAM_POINT), Repeated),
        field("aggregationTemporality", "aggregation_temporality", 2, Enum(&TEMPORALITIES), Single),
    ]};

    static EXPONENTIAL: Message = Message { fields: &[
        field("dataPoints", "data_points", 1, Kind::Message(&EXPONENTIAL_POINT), Repeated),
        field("aggregationTemporality", "aggregation_temporality", 2, Enum(&TEMPORALITIES), Single),
    ]};

    static SUMMARY: Message = Message { fields: &[
        field("dataPoints", "data_points", 1, Kind::Message(&SUMMARY_POINT), Repeated),
    ]};

    static NUMBER: Message = Message { fields: &[
        field("attributes", "attributes", 7, Kind::Message(&KEY_VALUE), Repeated),
        field("startTimeUnixNano", "start_time_unix_nano", 2, Fixed64, Single),
        field("timeUnixNano", "time_unix_nano", 3, Fixed64, Single),
        field("asDouble", "as_double", 4, Double, Optional),
        field("asInt", "as_int", 6, Sfixed64, Optional),
        field("exemplars", "exemplars", 5, Kind::Message(&EXEMPLAR), Repeated),
        field("flags", "flags", 8, Uint32, Single),
    ]};

    static HISTOGRAM_POINT: Message = Message { fields: &[
        field("attributes", "attributes", 9, Kind::Message(&KEY_VALUE), Repeated),
        field("startTimeUnixNano", "start_time_unix_nano", 2, Fixed64, Single),
        field("timeUnixNano", "time_unix_nano", 3, Fixed64, Single),
        field("count", "count", 4, Fixed64, Single),
        field("sum", "sum", 5, Double, Optional),
        field("bucketCounts", "bucket_counts", 6, Fixed64, Repeated),
        field("explicitBounds", "explicit_bounds", 7, Double, Repeated),
        field("exemplars", "exemplars", 8, Kind::Message(&EXEMPLAR), Repeated),
        field("flags", "flags", 10, Uint32, Single),
        field("min", "min", 11, Double, Optional),
        field("max", "max", 12, Double, Optional),
    ]};

    static EXPONENTIAL_POINT: Message = Message { fields: &[
        field("attributes", "attributes", 1, Kind::Message(&KEY_VALUE), Repeated),
        field("startTimeUnixNano", "start_time_unix_nano", 2, Fixed64, Single),
        field("timeUnixNano", "time_unix_nano", 3, Fixed64, Single),
        field("count", "count", 4, Fixed64, Single),
        field("sum", "sum", 5, Double, Optional),
        field("scale", "scale", 6, Sint32, Single),
        field("zeroCount", "zero_count", 7, Fixed64, Single),
        field("positive", "positive", 8, Kind::Message(&BUCKETS), Single),
        field("negative", "negative", 9, Kind::Message(&BUCKETS), Single),
        field("flags", "flags", 10, Uint32, Single),
        field("exemplars", "exemplars", 11, Kind::Message(&EXEMPLAR), Repeated),
        field("min", "min", 12, Double, Optional),
        field("max", "max", 13, Double, Optional),
        field("zeroThreshold", "zero_threshold", 14, Double, Single),
    ]};

    static BUCKETS: Message = Message { fields: &[
        field("offset", "offset", 1, Sint32, Single),
        field("bucketCounts", "bucket_counts", 2, Uint64, Repeated),
    ]};

    static SUMMARY_POINT: Message = Message { fields: &[
        field("attributes", "attributes", 7, Kind::Message(&KEY_VALUE), Repeated),
        field("startTimeUnixNano", "start_time_unix_nano", 2, Fixed64, Single),
        field("timeUnixNano", "time_unix_nano", 3, Fixed64, Single),
        field("count", "count", 4, Fixed64, Single),
        field("sum", "sum", 5, Double, Single),
        field("quantileValues", "quantile_values", 6, Kind::Message(&QUANTILE), Repeated),
        field("flags", "flags", 8, Uint32, Single),
    ]};

    static QUANTILE: Message = Message { fields: &[
        field("quantile", "quantile", 1, Double, Single),
        field("value", "value", 2, Double, Single),
    ]};

    static EXEMPLAR: Message = Message { fields: &[
        field("filteredAttributes", "filtered_attributes", 7, Kind::Message(&KEY_VALUE), Repeated),
        field("timeUnixNano", "time_unix_nano", 2, Fixed64, Single),
        field("asDouble", "as_double", 3, Double, Optional),
        field("asInt", "as_int", 6, Sfixed64, Optional),
        field("spanId", "span_id", 4, SPAN_ID, Single),
        field("traceId", "trace_id", 5, TRACE_ID, Single),
    ]};

    /// Has nothing but a choice: see [`Rule::Choice`].
    static ANY_VALUE: Message = Message { fields: &[
        field("stringValue", "string_value", 1, Text, Choice),
        field("boolValue", "bool_value", 2, Bool, Choice),
        field("intValue", "int_value", 3, Int64, Choice),
        field("doubleValue", "double_value", 4, Double, Choice),
        field("arrayValue", "array_value", 5, Kind::Message(&ARRAY_VALUE), Choice),
        field("kvlistValue", "kvlist_value", 6, Kind::Message(&KEY_VALUE_LIST), Choice),
        field("bytesValue", "bytes_value", 7, Bytes, Choice),
    ]};

    static ARRAY_VALUE: Message = Message { fields: &[
        field("values", "values", 1, Kind::Message(&ANY_VALUE), Repeated),
    ]};

    static KEY_VALUE_LIST: Message = Message { fields: &[
        field("values", "values", 1, Kind::Message(&KEY_VALUE), Repeated),
    ]};
}

pub(super) use rows::{LOGS, METRICS, TRACES};
