//! Metrics to test with.

use spanmill_model::Signal;

use super::attr::{AttrList, attributed};
use super::items::{Item, Items};
use super::message::{Io, Message};

attributed!(DataPoint);

/// Metrics that travel together.
pub type Metrics = Items<Metric>;

impl Metrics {
    /// Adds a metric.
    #[must_use]
    pub fn metric(self, metric: Metric) -> Self {
        self.item(metric)
    }

    /// Every metric, in order.
    pub fn metrics(&self) -> impl Iterator<Item = &Metric> {
        self.items()
    }

    /// Every data point, in order.
    pub fn points(&self) -> impl Iterator<Item = &DataPoint> {
        self.items().flat_map(|metric| &metric.points)
    }
}

/// What a metric's points are; the numbers are those of `metric.type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum MetricType {
    /// The metric has no data.
    #[default]
    None = 0,
    Gauge = 1,
    Sum = 2,
    Histogram = 3,
    ExponentialHistogram = 4,
    Summary = 5,
}

/// A metric, with OTLP's fields.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Metric {
    pub name: String,
    pub description: String,
    pub unit: String,
    pub metadata: AttrList,
    pub metric_type: MetricType,
    /// 1 delta, 2 cumulative; of sums and histograms.
    pub aggregation_temporality: u32,
    /// 0 or 1; of sums.
    pub is_monotonic: u32,
    pub points: Vec<DataPoint>,
}

/// The value of a gauge's or a sum's data point.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Number {
    Int(i64),
    Double(f64),
}

/// A data point. Which fields it has is the metric's type.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct DataPoint {
    pub attributes: AttrList,
    pub start_time_unix_nano: u64,
    pub time_unix_nano: u64,
    pub flags: u32,
    /// Of gauges and sums.
    pub value: Option<Number>,
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The bits of a histogram's bounds.
    pub explicit_bounds: Vec<u64>,
    pub bucket_counts: Vec<u64>,
    pub scale: i32,
    pub zero_count: u64,
    pub zero_threshold: Option<f64>,
}

impl Metric {
    /// A metric of a type with a name and nothing else.
    pub fn new(name: &str, metric_type: MetricType) -> Self {
        Metric {
            name: name.to_owned(),
            metric_type,
            ..Metric::default()
        }
    }

    /// A gauge with a name and nothing else.
    pub fn gauge(name: &str) -> Self {
        Metric::new(name, MetricType::Gauge)
    }

    /// A cumulative, monotonic sum with a name and nothing else.
    pub fn sum(name: &str) -> Self {
        Metric {
            aggregation_temporality: 2,
            is_monotonic: 1,
            ..Metric::new(name, MetricType::Sum)
        }
    }

    /// A cumulative histogram with a name and nothing else.
    pub fn histogram(name: &str) -> Self {
        Metric {
            aggregation_temporality: 2,
            ..Metric::new(name, MetricType::Histogram)
        }
    }

    /// Adds a data point.
    #[must_use]
    pub fn point(mut self, point: DataPoint) -> Self {
        self.points.push(point);
        self
    }
}

impl DataPoint {
    /// A point of a gauge or a sum with a whole number.
    pub fn int(value: i64) -> Self {
        DataPoint {
            value: Some(Number::Int(value)),
            ..DataPoint::default()
        }
    }

    /// A point of a gauge or a sum with a double.
    pub fn double(value: f64) -> Self {
        DataPoint {
            value: Some(Number::Double(value)),
            ..DataPoint::default()
        }
    }

    /// A point of a histogram, exponential or not, or a summary.
    pub fn counted(count: u64, sum: f64) -> Self {
        DataPoint {
            count,
            sum: Some(sum),
            ..DataPoint::default()
        }
    }

    /// Start and time, ns since 1970.
    #[must_use]
    pub fn times(mut self, start: u64, time: u64) -> Self {
        self.start_time_unix_nano = start;
        self.time_unix_nano = time;
        self
    }

    fn fields(&mut self, metric_type: MetricType, io: &mut Io<'_>) {
        io.fixed64(2, &mut self.start_time_unix_nano);
        io.fixed64(3, &mut self.time_unix_nano);
        match metric_type {
            MetricType::None | MetricType::Gauge | MetricType::Sum => {
                let (mut double, mut int) = match self.value {
                    Some(Number::Double(value)) => (Some(value), None),
                    Some(Number::Int(value)) => (None, Some(value as u64)),
                    None => (None, None),
                };
                io.double(4, &mut double);
                io.optional64(6, &mut int);
                let int = int.map(|value| Number::Int(value as i64));
                self.value = int.or(double.map(Number::Double));
                io.attributes(7, &mut self.attributes);
                io.varint(8, &mut self.flags);
            }
            MetricType::Histogram => {
                io.fixed64(4, &mut self.count);
                io.double(5, &mut self.sum);
                io.packed64(6, &mut self.bucket_counts);
                io.packed64(7, &mut self.explicit_bounds);
                io.attributes(9, &mut self.attributes);
                io.varint(10, &mut self.flags);
                io.double(11, &mut self.min);
                io.double(12, &mut self.max);
            }
            MetricType::ExponentialHistogram => {
                io.attributes(1, &mut self.attributes);
                io.fixed64(4, &mut self.count);
                io.double(5, &mut self.sum);
                io.sint32(6, &mut self.scale);
                io.fixed64(7, &mut self.zero_count);
                io.varint(10, &mut self.flags);
                io.double(12, &mut self.min);
                io.double(13, &mut self.max);
                io.double(14, &mut self.zero_threshold);
            }
            MetricType::Summary => {
                io.fixed64(4, &mut self.count);
                io.double(5, &mut self.sum);
                io.attributes(7, &mut self.attributes);
                io.varint(8, &mut self.flags);
            }
        }
    }
}

impl Item for Metric {
    const SIGNAL: Signal = Signal::Metrics;
}

/// Where each type's data stands in a metric.
const DATA: [(u64, MetricType); 5] = [
    (5, MetricType::Gauge),
    (7, MetricType::Sum),
    (9, MetricType::Histogram),
    (10, MetricType::ExponentialHistogram),
    (11, MetricType::Summary),
];

impl Message for Metric {
    fn fields(&mut self, io: &mut Io<'_>) {
        io.text(1, &mut self.name);
        io.text(2, &mut self.description);
        io.text(3, &mut self.unit);
        for (number, metric_type) in DATA {
            if io.reads(number) {
                self.metric_type = metric_type;
            }
            if self.metric_type != metric_type {
                continue;
            }
            let Metric {
                aggregation_temporality,
                is_monotonic,
                points,
                ..
            } = self;
            io.nested(number, true, |io| {
                io.each(1, points, |point, io| point.fields(metric_type, io));
                if !matches!(metric_type, MetricType::Gauge | MetricType::Summary) {
                    io.varint(2, aggregation_temporality);
                }
                if metric_type == MetricType::Sum {
                    io.varint(3, is_monotonic);
                }
            });
        }
        io.attributes(12, &mut self.metadata);
    }
}
