//! What both Prometheus exporters share: OpenTelemetry's names, values and histograms as Prometheus has them.

pub(super) mod config;
pub(super) mod names;
pub(super) mod native;
pub(super) mod value_text;

use opentelemetry_proto::tonic::metrics::v1::{Exemplar, exemplar};
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point};

/// OTLP's data point flag for "no recorded value".
const NO_RECORDED_VALUE: u32 = 1;

/// Whether a data point says that its series has ended.
pub(super) fn is_stale(flags: u32) -> bool {
    flags & NO_RECORDED_VALUE != 0
}

/// The value of a gauge's or sum's point.
pub(super) fn number(point: &NumberDataPoint) -> f64 {
    match point.value {
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        Some(number_data_point::Value::AsDouble(value)) => value,
        None => 0.0,
    }
}

/// The value of an exemplar.
pub(super) fn exemplar_value(exemplar: &Exemplar) -> f64 {
    match exemplar.value {
        Some(exemplar::Value::AsInt(value)) => value as f64,
        Some(exemplar::Value::AsDouble(value)) => value,
        None => 0.0,
    }
}

/// An id in hexadecimal; empty if it has the wrong length or is all zeros.
pub(super) fn hex_id(bytes: &[u8], length: usize) -> String {
    match bytes.len() == length && bytes.iter().any(|byte| *byte != 0) {
        true => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        false => String::new(),
    }
}
