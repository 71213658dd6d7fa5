//! The last value of every series, by metric family.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Exemplar, HistogramDataPoint, Metric, NumberDataPoint, exemplar,
    number_data_point,
};

use super::names;
use crate::config::PrometheusExporter;
use crate::otlp_json::name_of_double;

/// Series that are kept at most; more are rejected.
const MAX_SERIES: usize = 1_000_000;

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

pub(super) struct Family {
    pub(super) kind: Kind,
    pub(super) help: String,
    /// By labels, as they are written.
    pub(super) series: BTreeMap<Labels, Sample>,
}

/// Names and values in order of names.
pub(super) type Labels = Vec<(String, String)>;

pub(super) struct Sample {
    pub(super) value: Reading,
    pub(super) time_unix_nano: u64,
    updated: Instant,
}

pub(super) enum Reading {
    Number {
        value: f64,
        exemplar: Option<Shown>,
    },
    Histogram {
        bounds: Vec<f64>,
        counts: Vec<u64>,
        count: u64,
        sum: f64,
        exemplars: Vec<Shown>,
    },
}

/// An exemplar as it is written.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) value: f64,
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) time_unix_nano: u64,
}

pub(super) struct Registry {
    pub(super) families: BTreeMap<String, Family>,
    pub(super) send_timestamps: bool,
    namespace: String,
    suffixes: bool,
    resource_labels: bool,
    constant: Labels,
    expiration: Duration,
    series: usize,
}

impl Registry {
    pub(super) fn new(config: &PrometheusExporter) -> Self {
        let constant = config
            .const_labels
            .iter()
            .map(|(name, value)| (names::label(name), value.clone()));
        Registry {
            families: BTreeMap::new(),
            send_timestamps: config.send_timestamps,
            namespace: config.namespace.clone(),
            suffixes: config.add_metric_suffixes,
            resource_labels: config.resource_to_telemetry,
            constant: constant.collect(),
            expiration: config.metric_expiration,
            series: 0,
        }
    }

    /// Takes metrics in; gives how many points could not be.
    pub(super) fn take(&mut self, request: &ExportMetricsServiceRequest) -> u64 {
        let mut rejected = 0;
        for resource in &request.resource_metrics {
            let attributes = resource
                .resource
                .as_ref()
                .map_or(&[][..], |resource| &resource.attributes);
            let base = self.base(attributes);
            self.target_info(attributes, &base);
            for scope in &resource.scope_metrics {
                for metric in &scope.metrics {
                    rejected += self.metric(metric, &base);
                }
            }
        }
        rejected
    }

    /// Forgets what was not updated for long.
    pub(super) fn expire(&mut self) {
        let expiration = self.expiration;
        let mut left = 0;
        self.families.retain(|_, family| {
            family
                .series
                .retain(|_, sample| sample.updated.elapsed() < expiration);
            left += family.series.len();
            !family.series.is_empty()
        });
        self.series = left;
    }

    /// The labels that every series of a resource has.
    fn base(&self, attributes: &[KeyValue]) -> Labels {
        let find = |key: &str| {
            attributes
                .iter()
                .find(|attribute| attribute.key == key)
                .map(text)
        };
        let mut labels = self.constant.clone();
        if let Some(service) = find("service.name") {
            let job = match find("service.namespace") {
                Some(namespace) => format!("{namespace}/{service}"),
                None => service,
            };
            labels.push(("job".to_owned(), job));
        }
        if let Some(instance) = find("service.instance.id") {
            labels.push(("instance".to_owned(), instance));
        }
        if self.resource_labels {
            labels.extend(
                attributes
                    .iter()
                    .map(|attribute| (names::label(&attribute.key), text(attribute))),
            );
        }
        labels
    }

    /// The resource's other attributes, as a metric of their own.
    fn target_info(&mut self, attributes: &[KeyValue], base: &Labels) {
        let known = ["service.name", "service.namespace", "service.instance.id"];
        let others: Vec<&KeyValue> = attributes
            .iter()
            .filter(|attribute| !known.contains(&attribute.key.as_str()))
            .collect();
        if others.is_empty()
            || !base
                .iter()
                .any(|(name, _)| name == "job" || name == "instance")
        {
            return;
        }
        let labels = base
            .iter()
            .cloned()
            .chain(others.iter().map(|a| (names::label(&a.key), text(a))));
        let value = Reading::Number {
            value: 1.0,
            exemplar: None,
        };
        self.put(
            "target_info".to_owned(),
            Kind::Gauge,
            "Target metadata",
            normal(labels),
            value,
            0,
            false,
        );
    }

    fn metric(&mut self, metric: &Metric, base: &Labels) -> u64 {
        let name = |registry: &Self, counter: bool| {
            names::metric(
                &registry.namespace,
                &metric.name,
                &metric.unit,
                counter,
                registry.suffixes,
            )
        };
        let labels = |attributes: &[KeyValue]| {
            normal(
                base.iter()
                    .cloned()
                    .chain(attributes.iter().map(|a| (names::label(&a.key), text(a)))),
            )
        };
        let mut rejected = 0;
        match &metric.data {
            Some(Data::Sum(sum)) => {
                let kind = if sum.is_monotonic {
                    Kind::Counter
                } else {
                    Kind::Gauge
                };
                let name = name(self, sum.is_monotonic);
                let delta = sum.aggregation_temporality == AggregationTemporality::Delta as i32;
                for point in &sum.data_points {
                    let value = number(point);
                    let taken = self.put(
                        name.clone(),
                        kind,
                        &metric.description,
                        labels(&point.attributes),
                        value,
                        point.time_unix_nano,
                        delta,
                    );
                    rejected += u64::from(!taken);
                }
            }
            Some(Data::Gauge(gauge)) => {
                let name = name(self, false);
                for point in &gauge.data_points {
                    let value = number(point);
                    let taken = self.put(
                        name.clone(),
                        Kind::Gauge,
                        &metric.description,
                        labels(&point.attributes),
                        value,
                        point.time_unix_nano,
                        false,
                    );
                    rejected += u64::from(!taken);
                }
            }
            Some(Data::Histogram(histogram)) => {
                let name = name(self, false);
                let delta =
                    histogram.aggregation_temporality == AggregationTemporality::Delta as i32;
                for point in &histogram.data_points {
                    let value = self::histogram(point);
                    let taken = self.put(
                        name.clone(),
                        Kind::Histogram,
                        &metric.description,
                        labels(&point.attributes),
                        value,
                        point.time_unix_nano,
                        delta,
                    );
                    rejected += u64::from(!taken);
                }
            }
            Some(Data::ExponentialHistogram(histogram)) => {
                rejected += histogram.data_points.len() as u64
            }
            Some(Data::Summary(summary)) => rejected += summary.data_points.len() as u64,
            None => {}
        }
        rejected
    }

    #[allow(clippy::too_many_arguments)]
    fn put(
        &mut self,
        name: String,
        kind: Kind,
        help: &str,
        labels: Labels,
        value: Reading,
        time_unix_nano: u64,
        delta: bool,
    ) -> bool {
        let family = self.families.entry(name).or_insert_with(|| Family {
            kind,
            help: help.to_owned(),
            series: BTreeMap::new(),
        });
        // Two metrics of one name and different kinds cannot both be shown.
        if family.kind != kind {
            return false;
        }
        let updated = Instant::now();
        match family.series.get_mut(&labels) {
            Some(sample) => {
                if delta {
                    add(&mut sample.value, value);
                } else {
                    replace(&mut sample.value, value);
                }
                (sample.time_unix_nano, sample.updated) = (time_unix_nano, updated);
                true
            }
            None if self.series >= MAX_SERIES => false,
            None => {
                self.series += 1;
                family.series.insert(
                    labels,
                    Sample {
                        value,
                        time_unix_nano,
                        updated,
                    },
                );
                true
            }
        }
    }
}

/// Takes a new total. Exemplars stay until there are newer ones: a scrape may come long after the flush
/// that brought them.
fn replace(total: &mut Reading, mut new: Reading) {
    match (&mut *total, &mut new) {
        (
            Reading::Number { exemplar: old, .. },
            Reading::Number {
                exemplar: exemplar @ None,
                ..
            },
        ) => *exemplar = old.take(),
        (Reading::Histogram { exemplars: old, .. }, Reading::Histogram { exemplars, .. })
            if exemplars.is_empty() =>
        {
            *exemplars = std::mem::take(old)
        }
        _ => {}
    }
    *total = new;
}

/// Adds a delta to what there is; what does not fit replaces it.
fn add(total: &mut Reading, delta: Reading) {
    match (&mut *total, delta) {
        (
            Reading::Number { value, exemplar },
            Reading::Number {
                value: more,
                exemplar: new,
            },
        ) => {
            *value += more;
            *exemplar = new.or(exemplar.take());
        }
        (
            Reading::Histogram {
                bounds,
                counts,
                count,
                sum,
                exemplars,
            },
            Reading::Histogram {
                bounds: b,
                counts: c,
                count: n,
                sum: s,
                exemplars: new,
            },
        ) if *bounds == b => {
            counts
                .iter_mut()
                .zip(c)
                .for_each(|(total, more)| *total += more);
            *count += n;
            *sum += s;
            if !new.is_empty() {
                *exemplars = new;
            }
        }
        (_, delta) => *total = delta,
    }
}

fn number(point: &NumberDataPoint) -> Reading {
    let value = match point.value {
        Some(number_data_point::Value::AsInt(value)) => value as f64,
        Some(number_data_point::Value::AsDouble(value)) => value,
        None => 0.0,
    };
    Reading::Number {
        value,
        exemplar: point.exemplars.last().map(shown),
    }
}

fn histogram(point: &HistogramDataPoint) -> Reading {
    Reading::Histogram {
        bounds: point.explicit_bounds.clone(),
        counts: point.bucket_counts.clone(),
        count: point.count,
        sum: point.sum.unwrap_or(0.0),
        exemplars: point.exemplars.iter().map(shown).collect(),
    }
}

fn shown(exemplar: &Exemplar) -> Shown {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Shown {
        value: match exemplar.value {
            Some(exemplar::Value::AsInt(value)) => value as f64,
            Some(exemplar::Value::AsDouble(value)) => value,
            None => 0.0,
        },
        trace_id: hex(&exemplar.trace_id),
        span_id: hex(&exemplar.span_id),
        time_unix_nano: exemplar.time_unix_nano,
    }
}

/// In order of names; where two keys become one label, their values are joined, as the specification asks.
fn normal(labels: impl Iterator<Item = (String, String)>) -> Labels {
    let mut sorted: Labels = Vec::new();
    for (name, value) in labels {
        match sorted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) if *known != value => {
                known.push(';');
                known.push_str(&value);
            }
            Some(_) => {}
            None => sorted.push((name, value)),
        }
    }
    sorted.sort();
    sorted
}

fn text(attribute: &KeyValue) -> String {
    fn any(value: &AnyValue) -> serde_json::Value {
        match &value.value {
            Some(Value::StringValue(text)) => text.clone().into(),
            Some(Value::BoolValue(value)) => (*value).into(),
            Some(Value::IntValue(value)) => (*value).into(),
            Some(Value::DoubleValue(value)) => {
                name_of_double(*value).map_or_else(|| (*value).into(), serde_json::Value::from)
            }
            Some(Value::ArrayValue(array)) => array.values.iter().map(any).collect(),
            Some(Value::KvlistValue(list)) => list
                .values
                .iter()
                .map(|pair| {
                    (
                        pair.key.clone(),
                        pair.value.as_ref().map_or(serde_json::Value::Null, any),
                    )
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            Some(Value::BytesValue(bytes)) => bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
                .into(),
            Some(Value::StringValueStrindex(_)) | None => serde_json::Value::Null,
        }
    }
    match attribute.value.as_ref().map(any) {
        Some(serde_json::Value::String(text)) => text,
        Some(serde_json::Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}
