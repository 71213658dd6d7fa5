//! Data points as samples: a histogram with buckets becomes many series, an exponential one a native histogram.

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar as WireExemplar, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint,
    SummaryDataPoint,
};

use super::super::labels::{LabelSet, Labels};
use super::super::messages::{BucketSpan, Histogram, Sample};
use super::table::{Exemplar, RejectionReason, SeriesTable, millis};
use crate::export::prom;
use crate::export::prom::native::{Layout, NativeHistogram};
use crate::export::prom::value_text;

/// A point of any kind.
pub(super) struct DataPoint<'a> {
    pub(super) attributes: &'a [KeyValue],
    pub(super) time_unix_nano: u64,
    start_unix_nano: u64,
    is_stale: bool,
    value: Value<'a>,
}

enum Value<'a> {
    Number {
        point: &'a NumberDataPoint,
        /// Whether 1.0 has exemplars for it.
        is_counter: bool,
    },
    Histogram(&'a HistogramDataPoint),
    Exponential(&'a ExponentialHistogramDataPoint),
    Summary(&'a SummaryDataPoint),
}

/// The staleness marker.
const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);
/// Limit on the labels of an exemplar, in characters.
const MAX_EXEMPLAR: usize = 128;

macro_rules! points {
    ($points:expr, $value:expr) => {
        $points
            .iter()
            .map(|point| DataPoint {
                attributes: &point.attributes,
                time_unix_nano: point.time_unix_nano,
                start_unix_nano: point.start_time_unix_nano,
                is_stale: prom::is_stale(point.flags),
                value: $value(point),
            })
            .collect()
    };
}

/// The points of a metric.
pub(super) fn of(data: &Data) -> Vec<DataPoint<'_>> {
    let number = |is_counter| move |point| Value::Number { point, is_counter };
    match data {
        Data::Gauge(gauge) => points!(gauge.data_points, number(false)),
        Data::Sum(sum) => points!(sum.data_points, number(sum.is_monotonic)),
        Data::Histogram(histogram) => points!(histogram.data_points, Value::Histogram),
        Data::ExponentialHistogram(histogram) => {
            points!(histogram.data_points, Value::Exponential)
        }
        Data::Summary(summary) => points!(summary.data_points, Value::Summary),
    }
}

/// The target of a point's samples.
struct Target<'a> {
    name: &'a str,
    family: usize,
    labels: &'a Labels,
    timestamp: i64,
    start_timestamp: i64,
    is_stale: bool,
}

impl SeriesTable {
    pub(super) fn point(
        &mut self,
        name: &str,
        family: usize,
        labels: &Labels,
        point: DataPoint<'_>,
    ) -> Result<(), RejectionReason> {
        let target = Target {
            name,
            family,
            labels,
            timestamp: millis(point.time_unix_nano),
            // Only totals have a start, and only 2.0 carries it.
            start_timestamp: match point.value {
                Value::Number {
                    is_counter: false, ..
                } => 0,
                _ if self.is_v2 => millis(point.start_unix_nano),
                _ => 0,
            },
            is_stale: point.is_stale,
        };
        let place = match point.value {
            Value::Number { point, is_counter } => {
                let place = self.sample(&target, "", None, prom::number(point))?;
                if is_counter || self.is_v2 {
                    self.exemplars(place, &point.exemplars);
                }
                place
            }
            Value::Histogram(point) => self.histogram(&target, point)?,
            Value::Exponential(point) => self.exponential(&target, point)?,
            Value::Summary(point) => {
                let place = self.sample(&target, "_count", None, point.count as f64)?;
                self.sample(&target, "_sum", None, point.sum)?;
                for quantile in &point.quantile_values {
                    let text = plain(quantile.quantile);
                    self.sample(&target, "", Some(("quantile", &text)), quantile.value)?;
                }
                place
            }
        };
        if let Some(series) = self.series_mut(place) {
            series.points = series.points.saturating_add(1);
        }
        Ok(())
    }

    /// Adds a sample. Returns the index of its series.
    fn sample(
        &mut self,
        target: &Target<'_>,
        suffix: &str,
        own: Option<(&str, &str)>,
        value: f64,
    ) -> Result<usize, RejectionReason> {
        let name = format!("{}{suffix}", target.name);
        let place = self.place(target.labels.series(&name, own), target.family)?;
        let value = if target.is_stale { STALE } else { value };
        if let Some(series) = self.series_mut(place) {
            series.samples.push(Sample {
                value,
                timestamp: target.timestamp,
                start_timestamp: target.start_timestamp,
            });
        }
        Ok(place)
    }

    fn histogram(
        &mut self,
        target: &Target<'_>,
        point: &HistogramDataPoint,
    ) -> Result<usize, RejectionReason> {
        let bounds = &point.explicit_bounds;
        if !bounds.is_sorted_by(|one, other| one < other) {
            return Err("the bounds of a histogram are not in order");
        }
        let place = self.sample(target, "_count", None, point.count as f64)?;
        // A histogram without a sum gets no `_sum`.
        if let Some(sum) = point.sum {
            self.sample(target, "_sum", None, sum)?;
        }
        let mut total = 0u64;
        let mut within: Vec<(f64, usize)> = Vec::with_capacity(bounds.len().saturating_add(1));
        let finite = bounds.iter().filter(|bound| bound.is_finite());
        for (bound, count) in finite.zip(&point.bucket_counts) {
            total = total.saturating_add(*count);
            let own = Some(("le", &*plain(*bound)));
            within.push((*bound, self.sample(target, "_bucket", own, total as f64)?));
        }
        let own = Some(("le", "+Inf"));
        let last = self.sample(target, "_bucket", own, point.count as f64)?;
        within.push((f64::INFINITY, last));
        for exemplar in &point.exemplars {
            let value = prom::exemplar_value(exemplar);
            let bucket = within.iter().find(|(bound, _)| value <= *bound);
            if let Some((_, place)) = bucket {
                self.exemplars(*place, std::slice::from_ref(exemplar));
            }
        }
        Ok(place)
    }

    fn exponential(
        &mut self,
        target: &Target<'_>,
        point: &ExponentialHistogramDataPoint,
    ) -> Result<usize, RejectionReason> {
        let histogram = match target.is_stale {
            true => Histogram {
                sum: STALE,
                count: Some(0),
                zero_count: Some(0),
                ..Histogram::default()
            },
            false => written(&NativeHistogram::of(point).map_err(|error| error.what())?),
        };
        let place = self.place(target.labels.series(target.name, None), target.family)?;
        if let Some(series) = self.series_mut(place) {
            series.histograms.push(Histogram {
                timestamp: target.timestamp,
                start_timestamp: target.start_timestamp,
                ..histogram
            });
        }
        self.exemplars(place, &point.exemplars);
        Ok(place)
    }

    fn exemplars(&mut self, place: usize, exemplars: &[WireExemplar]) {
        if let Some(series) = self.series_mut(place) {
            series.exemplars.extend(exemplars.iter().map(exemplar));
        }
    }
}

/// A number without an exponent, as `le` and `quantile` have it in remote write.
fn plain(value: f64) -> String {
    value.to_string()
}

fn written(native: &NativeHistogram) -> Histogram {
    let spans = |layout: &Layout| {
        let spans = layout.spans.iter();
        let spans = spans.map(|&(offset, length)| BucketSpan { offset, length });
        spans.collect()
    };
    let (positive, negative) = (native.positive.layout(), native.negative.layout());
    Histogram {
        count: Some(native.count),
        sum: native.sum,
        schema: native.schema,
        zero_threshold: native.zero_threshold,
        zero_count: Some(native.zero_count),
        positive_spans: spans(&positive),
        positive_deltas: positive.deltas,
        negative_spans: spans(&negative),
        negative_deltas: negative.deltas,
        ..Histogram::default()
    }
}

/// An exemplar with its ids, and with its attributes unless they are too long.
fn exemplar(exemplar: &WireExemplar) -> Exemplar {
    let ids = [
        ("trace_id", prom::hex_id(&exemplar.trace_id, 16)),
        ("span_id", prom::hex_id(&exemplar.span_id, 8)),
    ];
    let ids = ids.into_iter().filter(|(_, id)| !id.is_empty());
    let mut labels: LabelSet = ids.map(|(name, id)| (name.to_owned(), id)).collect();
    let mut length = characters(&labels);
    let mut more = LabelSet::new();
    for attribute in &exemplar.filtered_attributes {
        let (key, value) = (attribute.key.clone(), value_text::of(attribute));
        let pair = (key, value);
        length = length.saturating_add(characters(std::slice::from_ref(&pair)));
        let is_there = labels.iter().chain(&more).any(|(name, _)| *name == pair.0);
        if !is_there && length <= MAX_EXEMPLAR {
            more.push(pair);
        }
    }
    if length <= MAX_EXEMPLAR {
        labels.append(&mut more);
    }
    labels.sort();
    Exemplar {
        labels,
        value: prom::exemplar_value(exemplar),
        timestamp: millis(exemplar.time_unix_nano),
    }
}

fn characters(labels: &[(String, String)]) -> usize {
    let lengths = labels.iter().map(|(name, value)| {
        let name = name.chars().count();
        name.saturating_add(value.chars().count())
    });
    lengths.fold(0, usize::saturating_add)
}
