//! The numbers that have names.

use spanmill_model::{Names, SEVERITIES, SPAN_KINDS, STATUS_CODES, TEMPORALITIES};
use spanmill_sdk::closest;

use crate::error::{OttlError, Position};

/// What OTTL has names for beyond those of OTLP.
static OTHERS: &Names = &[
    ("METRIC_DATA_TYPE_NONE", 0),
    ("METRIC_DATA_TYPE_GAUGE", 1),
    ("METRIC_DATA_TYPE_SUM", 2),
    ("METRIC_DATA_TYPE_HISTOGRAM", 3),
    ("METRIC_DATA_TYPE_EXPONENTIAL_HISTOGRAM", 4),
    ("METRIC_DATA_TYPE_SUMMARY", 5),
    ("FLAG_NONE", 0),
    ("FLAG_NO_RECORDED_VALUE", 1),
];

fn all() -> impl Iterator<Item = &'static (&'static str, i32)> {
    [SPAN_KINDS, STATUS_CODES, SEVERITIES, TEMPORALITIES, OTHERS]
        .into_iter()
        .flatten()
}

/// The number that a name stands for.
pub(crate) fn enumeration(name: &str, position: Position) -> Result<i64, OttlError> {
    if let Some((_, value)) = all().find(|(known, _)| *known == name) {
        return Ok((*value).into());
    }
    Err(OttlError::at(
        position,
        match closest(name, all().map(|(known, _)| *known)) {
            Some(meant) => format!("there is no {name}; did you mean {meant}?"),
            None => format!(
                "there is no {name}; the enums are SPAN_KIND_*, STATUS_CODE_*, SEVERITY_NUMBER_*, METRIC_DATA_TYPE_*, \
                 AGGREGATION_TEMPORALITY_* and FLAG_*"
            ),
        },
    ))
}
