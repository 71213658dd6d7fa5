//! Prometheus' protobuf exposition: `MetricFamily` messages, each behind its length, with native histograms.
//!
//! A family that does not fit into a piece of a page comes as several messages with one name, which scrapers join.

pub(super) mod messages;

use prost::Message as _;

use super::kind::Kind;
use super::labels;
use super::reading::{Exemplar as Measured, Reading};
use super::registry::Family;
use super::series::{Series, SeriesValue};
use crate::export::prom::native::{Layout, NativeHistogram};
use messages::{
    Bucket, BucketSpan, Counter, Exemplar, Gauge, Histogram, LabelPair, Metric, MetricFamily,
    Quantile, Summary, Timestamp, kind,
};

/// Writes families one after another.
pub(super) struct FamilyWriter {
    timestamps: bool,
    out: Vec<u8>,
    family: MetricFamily,
    /// Estimated length of the current family.
    length: usize,
}

impl FamilyWriter {
    pub(super) fn new(timestamps: bool) -> Self {
        FamilyWriter {
            timestamps,
            out: Vec::new(),
            family: MetricFamily::default(),
            length: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.out.len().saturating_add(self.length)
    }

    pub(super) fn begin(&mut self, name: &str, family: &Family) {
        self.end();
        self.family = MetricFamily {
            name: Some(name.to_owned()),
            help: (!family.help.is_empty()).then(|| family.help.clone()),
            r#type: Some(match family.kind {
                Kind::Counter => kind::COUNTER,
                Kind::UpDown | Kind::Gauge => kind::GAUGE,
                Kind::Histogram => kind::HISTOGRAM,
                Kind::Summary => kind::SUMMARY,
            }),
            metric: Vec::new(),
        };
    }

    pub(super) fn series(&mut self, kind: Kind, labels: &str, series: &Series) {
        let shown = series.shown(kind);
        let mut metric = metric(kind, &shown);
        metric.label = labels::pairs(labels)
            .into_iter()
            .map(|(name, value)| LabelPair {
                name: Some(name.to_owned()),
                value: Some(value),
            })
            .collect();
        if self.timestamps && shown.time_unix_nano > 0 {
            metric.timestamp_ms = i64::try_from(shown.time_unix_nano / 1_000_000).ok();
        }
        self.length = self.length.saturating_add(metric.encoded_len());
        self.family.metric.push(metric);
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.end();
        self.out
    }

    fn end(&mut self) {
        let family = std::mem::take(&mut self.family);
        if !family.metric.is_empty() {
            self.out
                .extend_from_slice(&family.encode_length_delimited_to_vec());
        }
        self.length = 0;
    }
}

fn metric(kind: Kind, shown: &SeriesValue<'_>) -> Metric {
    let created_timestamp = (shown.start_unix_nano > 0).then(|| timestamp(shown.start_unix_nano));
    let mut metric = Metric::default();
    match &*shown.reading {
        Reading::Number { value, exemplar } if kind == Kind::Counter => {
            metric.counter = Some(Counter {
                value: Some(*value),
                exemplar: exemplar.as_ref().map(self::exemplar),
                created_timestamp,
            });
        }
        Reading::Number { value, .. } => {
            metric.gauge = Some(Gauge {
                value: Some(*value),
            });
        }
        Reading::Histogram(histogram) => {
            let mut low = f64::NEG_INFINITY;
            let mut total = 0u64;
            let bounds = histogram.bounds.iter().chain([&f64::INFINITY]);
            // The total count covers the bucket beyond the last bound, which is written only for its exemplar.
            let buckets = bounds.zip(&histogram.counts).filter_map(|(bound, count)| {
                total = total.saturating_add(*count);
                let within = histogram
                    .exemplars
                    .iter()
                    .rfind(|exemplar| exemplar.value > low && exemplar.value <= *bound);
                low = *bound;
                let bucket = Bucket {
                    cumulative_count: Some(total),
                    upper_bound: Some(*bound),
                    exemplar: within.map(exemplar),
                };
                (bound.is_finite() || within.is_some()).then_some(bucket)
            });
            metric.histogram = Some(Histogram {
                bucket: buckets.collect(),
                sample_count: Some(total),
                sample_sum: Some(histogram.sum),
                created_timestamp,
                ..Histogram::default()
            });
        }
        Reading::ExponentialHistogram(native) => {
            let exemplars = native.exemplars.iter().map(exemplar);
            metric.histogram = Some(Histogram {
                created_timestamp,
                exemplars: exemplars.collect(),
                ..native_histogram(&native.histogram)
            });
        }
        Reading::Summary(summary) => {
            let quantiles = summary.quantiles.iter().map(|(quantile, value)| Quantile {
                quantile: Some(*quantile),
                value: Some(*value),
            });
            metric.summary = Some(Summary {
                sample_count: Some(summary.count),
                sample_sum: Some(summary.sum),
                quantile: quantiles.collect(),
                created_timestamp,
            });
        }
    }
    metric
}

fn native_histogram(histogram: &NativeHistogram) -> Histogram {
    let spans = |layout: &Layout| {
        let spans = layout.spans.iter().map(|(offset, length)| BucketSpan {
            offset: Some(*offset),
            length: Some(*length),
        });
        spans.collect()
    };
    let (positive, negative) = (histogram.positive.layout(), histogram.negative.layout());
    Histogram {
        sample_count: Some(histogram.count),
        sample_sum: Some(histogram.sum),
        schema: Some(histogram.schema),
        zero_threshold: Some(histogram.zero_threshold),
        zero_count: Some(histogram.zero_count),
        positive_span: spans(&positive),
        positive_delta: positive.deltas,
        negative_span: spans(&negative),
        negative_delta: negative.deltas,
        ..Histogram::default()
    }
}

fn exemplar(exemplar: &Measured) -> Exemplar {
    let ids = [
        ("trace_id", &exemplar.trace_id),
        ("span_id", &exemplar.span_id),
    ];
    let label = ids.into_iter().filter(|(_, id)| !id.is_empty());
    let label = label.map(|(name, id)| LabelPair {
        name: Some(name.to_owned()),
        value: Some(id.clone()),
    });
    Exemplar {
        label: label.collect(),
        value: Some(exemplar.value),
        timestamp: Some(timestamp(exemplar.time_unix_nano)),
    }
}

fn timestamp(unix_nano: u64) -> Timestamp {
    const SECOND: u64 = 1_000_000_000;
    Timestamp {
        seconds: i64::try_from(unix_nano / SECOND).unwrap_or(i64::MAX),
        nanos: i32::try_from(unix_nano % SECOND).unwrap_or(0),
    }
}
