//! What the measurements of one series and instrument add up to.

use opentelemetry_proto::tonic::metrics::v1::exemplar::Value as ExemplarValue;
use opentelemetry_proto::tonic::metrics::v1::{
    Exemplar as WireExemplar, ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint,
    number_data_point,
};
use spanmill_runtime::InstrumentKind;

use super::exponential::Exponential;

/// A measurement that stands for others, with the span it came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exemplar {
    pub(super) value: f64,
    pub(super) trace_id: u128,
    pub(super) span_id: u64,
    pub(super) time_unix_nano: u64,
}

/// The running total.
#[derive(Clone, Debug)]
pub(super) struct Point {
    total: Total,
    pub(super) start_unix_nano: u64,
    pub(super) touched: bool,
    /// Whether it was never flushed.
    pub(super) is_new: bool,
    /// None until there is one, so that a point without stays small.
    exemplars: Option<Box<Exemplars>>,
}

#[derive(Clone, Debug, Default)]
struct Exemplars {
    list: Vec<Exemplar>,
    next: usize,
}

#[derive(Clone, Debug)]
enum Total {
    Sum {
        ints: i64,
        doubles: Option<f64>,
    },
    Gauge(f64),
    /// What is in which bucket stands elsewhere: [`Buckets`](super::buckets::Buckets).
    Histogram(Summary),
    Exponential(Summary, Box<Exponential>),
}

#[derive(Clone, Copy, Debug, Default)]
struct Summary {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
}

impl Summary {
    fn add(&mut self, value: f64, count: u64) {
        if self.count == 0 {
            (self.min, self.max) = (value, value);
        }
        self.count = self.count.saturating_add(count);
        self.sum += value * count as f64;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }
}

impl Point {
    pub(super) fn new(kind: &InstrumentKind, start_unix_nano: u64) -> Self {
        let total = match kind {
            InstrumentKind::Gauge => Total::Gauge(0.0),
            InstrumentKind::Sum | InstrumentKind::UpDownSum => Total::Sum {
                ints: 0,
                doubles: None,
            },
            InstrumentKind::Histogram(_) => Total::Histogram(Summary::default()),
            InstrumentKind::ExponentialHistogram(max_size) => {
                Total::Exponential(Summary::default(), Box::new(Exponential::new(*max_size)))
            }
        };
        Point {
            total,
            start_unix_nano,
            touched: false,
            is_new: true,
            exemplars: None,
        }
    }

    /// Adds a measurement; `None` is a count without a value.
    #[inline]
    pub(super) fn record(&mut self, value: Option<f64>, count: u64) {
        self.touched = true;
        match &mut self.total {
            Total::Sum { ints, doubles } => match value {
                None => *ints = ints.saturating_add(i64::try_from(count).unwrap_or(i64::MAX)),
                Some(value) => *doubles = Some(doubles.unwrap_or(0.0) + value * count as f64),
            },
            Total::Gauge(last) => *last = value.unwrap_or(1.0),
            Total::Histogram(summary) => summary.add(value.unwrap_or(1.0), count),
            Total::Exponential(summary, buckets) => {
                let value = value.unwrap_or(1.0);
                buckets.record(value, count);
                summary.add(value, count);
            }
        }
    }

    /// Keeps an exemplar; beyond `limit` it takes the place of the oldest.
    pub(super) fn exemplar(&mut self, exemplar: Exemplar, limit: usize) {
        let exemplars = self.exemplars.get_or_insert_default();
        if exemplars.list.len() < limit {
            exemplars.list.push(exemplar);
        } else if let Some(slot) = exemplars.list.get_mut(exemplars.next % limit.max(1)) {
            *slot = exemplar;
            exemplars.next = exemplars.next.wrapping_add(1);
        }
    }

    /// Exemplars belong to one flush.
    pub(super) fn forget_exemplars(&mut self) {
        if let Some(exemplars) = &mut self.exemplars {
            exemplars.list.clear();
        }
    }

    fn wire_exemplars(&self) -> Vec<WireExemplar> {
        let exemplars = self.exemplars.iter().flat_map(|exemplars| &exemplars.list);
        exemplars
            .map(|exemplar| WireExemplar {
                filtered_attributes: Vec::new(),
                time_unix_nano: exemplar.time_unix_nano,
                span_id: exemplar.span_id.to_be_bytes().to_vec(),
                trace_id: exemplar.trace_id.to_be_bytes().to_vec(),
                value: Some(ExemplarValue::AsDouble(exemplar.value)),
            })
            .collect()
    }

    /// A sum that begins: rates are made of differences, and would miss what the first value holds.
    pub(super) fn zero(&self, time_unix_nano: u64) -> Option<Wire> {
        let Total::Sum { doubles, .. } = &self.total else {
            return None;
        };
        Some(Wire::Number(NumberDataPoint {
            start_time_unix_nano: self.start_unix_nano,
            time_unix_nano,
            value: Some(match doubles {
                None => number_data_point::Value::AsInt(0),
                Some(_) => number_data_point::Value::AsDouble(0.0),
            }),
            exemplars: self.wire_exemplars(),
            ..NumberDataPoint::default()
        }))
    }

    /// As a data point of the kind the total is; attributes are the caller's, and so are the counts of its buckets.
    pub(super) fn wire(&self, kind: &InstrumentKind, counts: &[u64], time_unix_nano: u64) -> Wire {
        match &self.total {
            Total::Sum { ints, doubles } => Wire::Number(NumberDataPoint {
                start_time_unix_nano: self.start_unix_nano,
                time_unix_nano,
                value: Some(match doubles {
                    None => number_data_point::Value::AsInt(*ints),
                    Some(doubles) => number_data_point::Value::AsDouble(doubles + *ints as f64),
                }),
                exemplars: self.wire_exemplars(),
                ..NumberDataPoint::default()
            }),
            Total::Gauge(last) => Wire::Number(NumberDataPoint {
                time_unix_nano,
                value: Some(number_data_point::Value::AsDouble(*last)),
                exemplars: self.wire_exemplars(),
                ..NumberDataPoint::default()
            }),
            Total::Histogram(summary) => Wire::Histogram(HistogramDataPoint {
                start_time_unix_nano: self.start_unix_nano,
                time_unix_nano,
                count: summary.count,
                sum: Some(summary.sum),
                min: Some(summary.min),
                max: Some(summary.max),
                bucket_counts: counts.to_vec(),
                explicit_bounds: match kind {
                    InstrumentKind::Histogram(bounds) => bounds.clone(),
                    _ => Vec::new(),
                },
                exemplars: self.wire_exemplars(),
                ..HistogramDataPoint::default()
            }),
            Total::Exponential(summary, buckets) => {
                let (positive, negative) = buckets.wire();
                Wire::Exponential(ExponentialHistogramDataPoint {
                    start_time_unix_nano: self.start_unix_nano,
                    time_unix_nano,
                    count: summary.count,
                    sum: Some(summary.sum),
                    min: Some(summary.min),
                    max: Some(summary.max),
                    scale: buckets.scale(),
                    zero_count: buckets.zeros,
                    positive,
                    negative,
                    exemplars: self.wire_exemplars(),
                    ..ExponentialHistogramDataPoint::default()
                })
            }
        }
    }
}

/// A data point without its attributes.
pub(super) enum Wire {
    Number(NumberDataPoint),
    Histogram(HistogramDataPoint),
    Exponential(ExponentialHistogramDataPoint),
}
