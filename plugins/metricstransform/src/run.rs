//! What a transform does to a metric.

use spanmill_sdk::{Batch, Cell};

use crate::aggregate::Aggregation;
use crate::group::{Equal, merge};
use crate::metric::{Datum, Kind, Metric, Point};
use crate::rules::{Operation, Transform};

/// What transforms look at besides.
pub(crate) struct Around<'a> {
    pub batch: &'a Batch<'a>,
    /// The texts of the settings.
    pub constants: &'a [String],
    pub equal: &'a mut Equal,
}

/// Why a transform could not be applied whole.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    /// What was done before the operation stays, as in the Collector.
    Partly(&'static str),
    /// Nothing of it is to stay: it would be half of what is meant.
    Whole(&'static str),
}

/// Whether a transform is for a metric.
pub(crate) fn is_for(transform: &mut Transform, metric: &Metric, around: &Around<'_>) -> bool {
    let is_included = match metric.sent_name {
        Some(name) => transform.include.is_met_by_sent(around.batch, name),
        None => transform.include.is_met_by(&metric.name),
    };
    let mut points = metric.points.iter();
    is_included && (metric.points.is_empty() || points.any(|point| meant(transform, point, around)))
}

/// Whether a point has the labels that a transform is for.
fn meant(transform: &mut Transform, point: &Point, around: &Around<'_>) -> bool {
    let mut labels = transform.labels.iter_mut();
    labels.all(|(key, question)| match point.label(*key) {
        Some(Datum::Sent(1, text)) => question.is_met_by_sent(around.batch, text as u32),
        Some(value) => question.is_met_by(value.text(around.batch, around.constants)),
        None => question.is_met_by(""),
    })
}

/// Applies a transform to a metric that it is for.
pub(crate) fn apply(
    transform: &mut Transform,
    metric: &mut Metric,
    around: &mut Around<'_>,
) -> Result<(), Refused> {
    // What is meant for whole metrics is done to those of which every point is meant.
    let is_whole = {
        let mut points = metric.points.iter();
        points.all(|point| meant(transform, point, around))
    };
    if is_whole && !transform.new_name.is_empty() {
        metric.name = transform.renamed(&metric.name);
        metric.sent_name = None;
    }
    for place in 0..transform.operations.len() {
        match &transform.operations[place] {
            Operation::AddLabel { label, text } if is_whole => {
                for point in &mut metric.points {
                    if point.label(*label).is_none() {
                        point.put(*label, Datum::Constant(*text));
                    }
                }
            }
            Operation::DeleteLabelValue { label, value } if is_whole => {
                let is_gone = |point: &Point| {
                    let found = point.label(*label);
                    found.is_some_and(|it| it.text(around.batch, around.constants) == value)
                };
                metric.points.retain(|point| !is_gone(point));
            }
            Operation::AggregateLabels { kept, by } if is_whole => {
                refuse_summaries(metric)?;
                for point in &mut metric.points {
                    point.labels.retain(|label| kept.contains(&label.key));
                }
                merged(metric, *by, around)?;
            }
            Operation::AggregateLabelValues {
                label,
                values,
                text,
                by,
            } if is_whole => {
                refuse_summaries(metric)?;
                for point in &mut metric.points {
                    let found = point.label(*label);
                    let is_one = |it: Datum| {
                        let found = it.text(around.batch, around.constants);
                        values.iter().any(|value| value == found)
                    };
                    if found.is_some_and(is_one) {
                        point.put(*label, Datum::Constant(*text));
                    }
                }
                merged(metric, *by, around)?;
            }
            Operation::UpdateLabel { .. }
            | Operation::ToggleScalarDataType
            | Operation::ScaleValue(_) => each(transform, place, metric, around)?,
            _ => {}
        }
    }
    Ok(())
}

/// Applies an operation to the points that are meant.
fn each(
    transform: &mut Transform,
    place: usize,
    metric: &mut Metric,
    around: &Around<'_>,
) -> Result<(), Refused> {
    let is_number = metric.kind.is_number();
    for point in &mut metric.points {
        if !meant(transform, point, around) {
            continue;
        }
        match (&transform.operations[place], point.value) {
            (
                Operation::UpdateLabel {
                    label,
                    new_label,
                    values,
                },
                _,
            ) => {
                let Some(value) = point.label(*label) else {
                    continue;
                };
                let key = new_label.unwrap_or(*label);
                if let Some(new_label) = new_label {
                    point.put(*new_label, value);
                    point.remove(*label);
                }
                let text = value.text(around.batch, around.constants);
                if let Some((_, new)) = values.iter().find(|(value, _)| value == text) {
                    point.put(key, Datum::Constant(*new));
                }
            }
            (Operation::ToggleScalarDataType, Cell::Int(value)) if is_number => {
                point.value = Cell::Double(value as f64);
            }
            (Operation::ToggleScalarDataType, Cell::Double(value)) if is_number => {
                point.value = Cell::Int(value as i64);
            }
            (Operation::ScaleValue(_), _) if metric.kind == Kind::Histogram => {
                return Err(Refused::Whole("a plugin cannot scale histograms"));
            }
            (Operation::ScaleValue(scale), Cell::Int(value)) => {
                point.value = Cell::Int((value as f64 * scale) as i64);
            }
            (Operation::ScaleValue(scale), Cell::Double(value)) => {
                point.value = Cell::Double(value * scale);
            }
            _ => {}
        }
    }
    Ok(())
}

fn refuse_summaries(metric: &Metric) -> Result<(), Refused> {
    match metric.kind {
        Kind::Summary => Err(Refused::Partly("summaries cannot be aggregated")),
        _ => Ok(()),
    }
}

fn merged(metric: &mut Metric, by: Aggregation, around: &mut Around<'_>) -> Result<(), Refused> {
    match merge(metric, by, around.equal, around.batch) {
        true => Ok(()),
        false => Err(Refused::Whole(
            "a plugin cannot make one point of several of a histogram",
        )),
    }
}
