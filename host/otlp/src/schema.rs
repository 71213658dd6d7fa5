//! Where OTLP's fields stand on the wire. No other module names a number of a field.

mod field;
mod level;
mod message;

pub(crate) use field::{Home, Layout, ListKind, NO_COLUMN, POINT_KINDS, attributes_number, home};
pub(crate) use level::{DataKind, Nesting, message_of, nesting};
pub(crate) use message::{Kind, Message};

/// Field numbers that code names.
pub(crate) mod number {
    /// `resource_spans`, `resource_logs`, `resource_metrics`.
    pub(crate) const RESOURCES: u32 = 1;
    /// In the messages around resources and scopes: the resource or scope, the rows below, the schema URL.
    pub(crate) const HEAD: u32 = 1;
    pub(crate) const ROWS: u32 = 2;
    pub(crate) const SCHEMA_URL: u32 = 3;
    /// In a metric.
    pub(crate) const DESCRIPTION: u32 = 2;
    pub(crate) const SPAN_EVENTS: u32 = 11;
    pub(crate) const SPAN_LINKS: u32 = 13;
    pub(crate) const SPAN_STATUS: u32 = 15;
    pub(crate) const STATUS_MESSAGE: u32 = 2;
    pub(crate) const STATUS_CODE: u32 = 3;
    /// In a gauge, sum, histogram, exponential histogram or summary.
    pub(crate) const DATA_POINTS: u32 = 1;
    pub(crate) const TEMPORALITY: u32 = 2;
    pub(crate) const IS_MONOTONIC: u32 = 3;
    pub(crate) const AS_DOUBLE: u32 = 4;
    pub(crate) const AS_INT: u32 = 6;
    /// In an exponential histogram's data point.
    pub(crate) const POSITIVE: u32 = 8;
    pub(crate) const NEGATIVE: u32 = 9;
    /// In either's buckets.
    pub(crate) const OFFSET: u32 = 1;
    pub(crate) const COUNTS: u32 = 2;
    /// In a summary's quantile.
    pub(crate) const QUANTILE: u32 = 1;
    pub(crate) const QUANTILE_VALUE: u32 = 2;
    /// In an `ArrayValue`.
    pub(crate) const VALUES: u32 = 1;
    /// In an `AnyValue`.
    pub(crate) const STRING: u32 = 1;
    pub(crate) const BYTES: u32 = 7;
    pub(crate) const INT: u32 = 3;
    pub(crate) const DOUBLE: u32 = 4;
    pub(crate) const ARRAY: u32 = 5;
    pub(crate) const KEY: u32 = 1;
    pub(crate) const VALUE: u32 = 2;
}
