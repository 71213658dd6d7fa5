//! Metrics as text.

use std::fmt;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar, ExponentialHistogramDataPoint, Gauge, HistogramDataPoint, Metric, NumberDataPoint,
    Sum, SummaryDataPoint, exemplar,
};

use super::text::{Page, PlainValue, Time, hex};
use crate::export::debug::config::Verbosity;

pub(super) fn write(page: &mut Page, request: &ExportMetricsServiceRequest, verbosity: Verbosity) {
    let scopes = request
        .resource_metrics
        .iter()
        .flat_map(|r| &r.scope_metrics);
    let metrics: Vec<&Metric> = scopes.flat_map(|scope| &scope.metrics).collect();
    let points: usize = metrics.iter().map(|metric| points(metric)).sum();
    page.heading(format_args!(
        "Metrics\t{{\"resource metrics\": {}, \"metrics\": {}, \"data points\": {points}}}",
        request.resource_metrics.len(),
        metrics.len()
    ));
    match verbosity {
        Verbosity::Basic => {}
        Verbosity::Normal => metrics
            .iter()
            .for_each(|metric| points_of(page, metric, normal)),
        Verbosity::Detailed => {
            for (index, resource) in request.resource_metrics.iter().enumerate() {
                let of = resource.resource.as_ref();
                page.resource("ResourceMetrics", index, &resource.schema_url, of);
                for (index, scope) in resource.scope_metrics.iter().enumerate() {
                    page.scope(
                        "ScopeMetrics",
                        index,
                        &scope.schema_url,
                        scope.scope.as_ref(),
                    );
                    for (index, metric) in scope.metrics.iter().enumerate() {
                        descriptor(page, index, metric);
                        points_of(page, metric, detailed);
                    }
                }
            }
        }
    }
}

fn points(metric: &Metric) -> usize {
    match &metric.data {
        Some(Data::Gauge(data)) => data.data_points.len(),
        Some(Data::Sum(data)) => data.data_points.len(),
        Some(Data::Histogram(data)) => data.data_points.len(),
        Some(Data::ExponentialHistogram(data)) => data.data_points.len(),
        Some(Data::Summary(data)) => data.data_points.len(),
        None => 0,
    }
}

fn descriptor(page: &mut Page, index: usize, metric: &Metric) {
    page.heading(format_args!("Metric #{index}"));
    page.line(format_args!("Descriptor:"));
    page.line(format_args!("     -> Name: {}", metric.name));
    page.line(format_args!("     -> Description: {}", metric.description));
    page.line(format_args!("     -> Unit: {}", metric.unit));
    let (kind, monotonic, temporality) = match &metric.data {
        Some(Data::Gauge(_)) => ("Gauge", None, None),
        Some(Data::Sum(sum)) => (
            "Sum",
            Some(sum.is_monotonic),
            Some(sum.aggregation_temporality),
        ),
        Some(Data::Histogram(data)) => ("Histogram", None, Some(data.aggregation_temporality)),
        Some(Data::ExponentialHistogram(data)) => (
            "ExponentialHistogram",
            None,
            Some(data.aggregation_temporality),
        ),
        Some(Data::Summary(_)) => ("Summary", None, None),
        None => ("Empty", None, None),
    };
    page.line(format_args!("     -> DataType: {kind}"));
    if let Some(monotonic) = monotonic {
        page.line(format_args!("     -> IsMonotonic: {monotonic}"));
    }
    if let Some(temporality) = temporality {
        let temporality = match temporality {
            1 => "Delta",
            2 => "Cumulative",
            _ => "Unspecified",
        };
        page.line(format_args!(
            "     -> AggregationTemporality: {temporality}"
        ));
    }
}

/// What all kinds of data points have, and what each says of itself, as name and value.
struct Point<'a> {
    title: &'static str,
    index: usize,
    metric: &'a str,
    attributes: &'a [KeyValue],
    start: u64,
    time: u64,
    says: Vec<(String, String)>,
    exemplars: &'a [Exemplar],
}

fn points_of(page: &mut Page, metric: &Metric, mut write: impl FnMut(&mut Page, &Point<'_>)) {
    /// The fields that every kind of data point has, under the same names.
    macro_rules! point {
        ($title:expr, $index:expr, $point:expr, $says:expr, $exemplars:expr) => {
            Point {
                title: $title,
                index: $index,
                metric: &metric.name,
                attributes: &$point.attributes,
                start: $point.start_time_unix_nano,
                time: $point.time_unix_nano,
                says: $says,
                exemplars: $exemplars,
            }
        };
    }
    match &metric.data {
        Some(Data::Gauge(Gauge { data_points }) | Data::Sum(Sum { data_points, .. })) => {
            for (index, p) in data_points.iter().enumerate() {
                let title = "NumberDataPoints";
                write(page, &point!(title, index, p, number(p), &p.exemplars));
            }
        }
        Some(Data::Histogram(data)) => {
            for (index, p) in data.data_points.iter().enumerate() {
                let title = "HistogramDataPoints";
                write(page, &point!(title, index, p, histogram(p), &p.exemplars));
            }
        }
        Some(Data::ExponentialHistogram(data)) => {
            for (index, p) in data.data_points.iter().enumerate() {
                let title = "ExponentialHistogramDataPoints";
                write(page, &point!(title, index, p, exponential(p), &p.exemplars));
            }
        }
        Some(Data::Summary(data)) => {
            for (index, p) in data.data_points.iter().enumerate() {
                write(
                    page,
                    &point!("SummaryDataPoints", index, p, summary(p), &[]),
                );
            }
        }
        None => {}
    }
}

/// As C's `%f`.
struct Float(f64);

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.6}", self.0)
    }
}

fn says(name: impl ToString, value: impl ToString) -> (String, String) {
    (name.to_string(), value.to_string())
}

fn number(point: &NumberDataPoint) -> Vec<(String, String)> {
    vec![match &point.value {
        Some(Number::AsInt(value)) => says("Value", value),
        Some(Number::AsDouble(value)) => says("Value", Float(*value)),
        None => says("Value", ""),
    }]
}

fn summary(point: &SummaryDataPoint) -> Vec<(String, String)> {
    let mut lines = vec![says("Count", point.count), says("Sum", Float(point.sum))];
    for (index, at) in point.quantile_values.iter().enumerate() {
        let value = format!("Quantile {}, Value {}", Float(at.quantile), Float(at.value));
        lines.push(says(format_args!("QuantileValue #{index}"), value));
    }
    lines
}

fn histogram(point: &HistogramDataPoint) -> Vec<(String, String)> {
    let mut lines = vec![says("Count", point.count)];
    for (name, value) in [("Sum", point.sum), ("Min", point.min), ("Max", point.max)] {
        lines.extend(value.map(|value| says(name, Float(value))));
    }
    for (index, bound) in point.explicit_bounds.iter().enumerate() {
        lines.push(says(format_args!("ExplicitBounds #{index}"), Float(*bound)));
    }
    for (index, count) in point.bucket_counts.iter().enumerate() {
        lines.push(says(format_args!("Buckets #{index}, Count"), count));
    }
    lines
}

fn exponential(point: &ExponentialHistogramDataPoint) -> Vec<(String, String)> {
    let mut lines = vec![says("Count", point.count)];
    for (name, value) in [("Sum", point.sum), ("Min", point.min), ("Max", point.max)] {
        lines.extend(value.map(|value| says(name, Float(value))));
    }
    // Bucket i of scale s holds what lies between base^i and base^(i + 1), base being 2^(2^-s).
    let bound = |index: i64| Float((index as f64 * (-f64::from(point.scale)).exp2()).exp2());
    for (index, count) in numbered(&point.negative).into_iter().rev() {
        let (lower, upper) = (bound(index), bound(index + 1));
        lines.push(says(
            format_args!("Bucket [-{upper}, -{lower}), Count"),
            count,
        ));
    }
    if point.zero_count > 0 {
        lines.push(says("Bucket [0, 0], Count", point.zero_count));
    }
    for (index, count) in numbered(&point.positive) {
        let (lower, upper) = (bound(index), bound(index + 1));
        lines.push(says(
            format_args!("Bucket ({lower}, {upper}], Count"),
            count,
        ));
    }
    lines
}

fn numbered(buckets: &Option<Buckets>) -> Vec<(i64, u64)> {
    let Some(buckets) = buckets else {
        return Vec::new();
    };
    (i64::from(buckets.offset)..)
        .zip(buckets.bucket_counts.iter().copied())
        .collect()
}

fn exemplars(page: &mut Page, exemplars: &[Exemplar]) {
    if exemplars.is_empty() {
        return;
    }
    page.line(format_args!("Exemplars:"));
    for (index, exemplar) in exemplars.iter().enumerate() {
        page.line(format_args!("Exemplar #{index}"));
        page.line(format_args!(
            "     -> Trace ID: {}",
            hex(&exemplar.trace_id)
        ));
        page.line(format_args!("     -> Span ID: {}", hex(&exemplar.span_id)));
        page.line(format_args!(
            "     -> Timestamp: {}",
            Time(exemplar.time_unix_nano)
        ));
        match exemplar.value {
            Some(exemplar::Value::AsInt(value)) => {
                page.line(format_args!("     -> Value: {value}"))
            }
            Some(exemplar::Value::AsDouble(value)) => {
                page.line(format_args!("     -> Value: {}", Float(value)));
            }
            None => {}
        }
        let attributes = &exemplar.filtered_attributes;
        page.attributes("     -> FilteredAttributes", "     ", attributes);
    }
}

fn normal(page: &mut Page, point: &Point<'_>) {
    let attributes: Vec<String> = point
        .attributes
        .iter()
        .map(|attribute| format!("{}={}", attribute.key, PlainValue(attribute.value.as_ref())))
        .collect();
    let says: Vec<String> = point
        .says
        .iter()
        // Buckets are for the detailed view.
        .filter(|(name, _)| !name.contains(['#', ' ']))
        .map(|(name, value)| format!("{}={value}", name.to_lowercase()))
        .collect();
    let (attributes, says) = (attributes.join(","), says.join(" "));
    page.line(format_args!("{}{{{attributes}}} {says}", point.metric));
}

fn detailed(page: &mut Page, point: &Point<'_>) {
    page.heading(format_args!("{} #{}", point.title, point.index));
    page.attributes("Data point attributes", "", point.attributes);
    page.line(format_args!("StartTimestamp: {}", Time(point.start)));
    page.line(format_args!("Timestamp: {}", Time(point.time)));
    for (name, value) in &point.says {
        page.line(format_args!("{name}: {value}"));
    }
    exemplars(page, point.exemplars);
}
