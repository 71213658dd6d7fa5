//! From OTLP's metrics to series, samples in the order of their time.

mod points;

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};

use super::labels::{BaseLabels, LabelSet, Labels};
use super::messages::{Histogram, Sample, kind};
use crate::export::prom::names::{self, Naming, Shape};
use crate::export::remote_write::config::{RemoteWriteConfig, RemoteWriteVersion};

/// Labels of one series are no longer than this.
const MAX_LABELS: usize = 32 << 10;
/// What a series takes beside its labels, about.
const OVERHEAD: usize = 256;
/// All series of a batch are about no larger than this. Each repeats what its resource says.
const MAX_BYTES: usize = 256 << 20;

/// What a batch becomes.
#[derive(Debug, Default)]
pub(super) struct Translation {
    pub(super) series: Vec<Series>,
    pub(super) families: Vec<Family>,
    /// Points that remote write cannot carry.
    pub(super) rejected: u64,
    /// Why, for the first of them.
    pub(super) remark: Option<&'static str>,
}

#[derive(Debug, Default)]
pub(super) struct Series {
    pub(super) labels: Arc<LabelSet>,
    pub(super) samples: Vec<Sample>,
    pub(super) histograms: Vec<Histogram>,
    pub(super) exemplars: Vec<Exemplar>,
    /// Its place among the families.
    pub(super) family: usize,
    /// Points that begin with this series; a histogram's other series do not count again.
    pub(super) points: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Exemplar {
    pub(super) labels: LabelSet,
    pub(super) value: f64,
    pub(super) timestamp: i64,
}

/// What is known of a metric.
#[derive(Debug)]
pub(super) struct Family {
    pub(super) name: String,
    pub(super) kind: i32,
    pub(super) help: String,
    pub(super) unit: String,
}

/// Translates a batch.
pub(super) fn translate(
    config: &RemoteWriteConfig,
    request: &ExportMetricsServiceRequest,
) -> Translation {
    let mut translator = Translator {
        naming: Naming {
            namespace: config.namespace.clone(),
            suffixes: config.add_metric_suffixes,
        },
        is_v2: config.version == RemoteWriteVersion::V2,
        found: HashMap::new(),
        bytes: 0,
        out: Translation::default(),
    };
    for resource in &request.resource_metrics {
        let attributes = resource
            .resource
            .as_ref()
            .map_or(&[][..], |resource| &resource.attributes);
        let base = BaseLabels::of_resource(config, attributes);
        let mut newest = 0;
        for scope in &resource.scope_metrics {
            let named = scope.scope.as_ref().filter(|_| !config.disable_scope_info);
            let base = base.with_scope(named);
            for metric in &scope.metrics {
                newest = newest.max(translator.metric(metric, &base));
            }
        }
        if config.target_info && newest > 0 {
            translator.target_info(base.target_info(attributes), newest);
        }
    }
    translator.finish()
}

struct Translator {
    naming: Naming,
    is_v2: bool,
    found: HashMap<Arc<LabelSet>, usize>,
    /// What series take, about.
    bytes: usize,
    out: Translation,
}

/// Why a point is not sent.
type RejectionReason = &'static str;

impl Translator {
    /// Takes a metric; returns the time of its newest point.
    fn metric(&mut self, metric: &Metric, base: &BaseLabels) -> u64 {
        let Some(data) = &metric.data else {
            return 0;
        };
        let (kind, shape, temporality) = match data {
            Data::Gauge(_) => (kind::GAUGE, Shape::Gauge, None),
            Data::Sum(sum) if sum.is_monotonic => (
                kind::COUNTER,
                Shape::Counter,
                Some(sum.aggregation_temporality),
            ),
            Data::Sum(sum) => (kind::GAUGE, Shape::Other, Some(sum.aggregation_temporality)),
            Data::Histogram(histogram) => (
                kind::HISTOGRAM,
                Shape::Other,
                Some(histogram.aggregation_temporality),
            ),
            Data::ExponentialHistogram(histogram) => (
                kind::HISTOGRAM,
                Shape::Other,
                Some(histogram.aggregation_temporality),
            ),
            Data::Summary(_) => (kind::SUMMARY, Shape::Other, None),
        };
        let points = points::of(data);
        let newest = points.iter().map(|point| point.time_unix_nano).max();
        let newest = newest.unwrap_or(0);
        let cumulative = AggregationTemporality::Cumulative as i32;
        if temporality.is_some_and(|temporality| temporality != cumulative) {
            let what = "remote write carries cumulative metrics only; have the sender export cumulative ones (OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=cumulative)";
            self.reject(points.len(), what);
            return newest;
        }
        let Some(name) = self.naming.metric(&metric.name, &metric.unit, shape) else {
            let what = "no name for Prometheus can be made of a metric's name; rename it";
            self.reject(points.len(), what);
            return newest;
        };
        let family = self.family(Family {
            name: name.clone(),
            kind,
            help: metric.description.clone(),
            unit: names::unit(&metric.unit),
        });
        for point in points {
            let labels = base.labels(point.attributes);
            let taken = match labels {
                Some(labels) => self.point(&name, family, &labels, point),
                None => {
                    Err("an attribute's key has no letter or digit that a label could be named by")
                }
            };
            if let Err(what) = taken {
                self.reject(1, what);
            }
        }
        newest
    }

    fn reject(&mut self, points: usize, what: RejectionReason) {
        self.out.rejected = self.out.rejected.saturating_add(points as u64);
        self.out.remark.get_or_insert(what);
    }

    fn family(&mut self, family: Family) -> usize {
        self.out.families.push(family);
        self.out.families.len().saturating_sub(1)
    }

    fn target_info(&mut self, labels: Option<Labels>, newest: u64) {
        let Some(labels) = labels else { return };
        let name = self.naming.target_info();
        let family = self.family(Family {
            name: name.clone(),
            kind: kind::GAUGE,
            help: "Target metadata".to_owned(),
            unit: String::new(),
        });
        // One that is too long tells nothing, and takes nothing else with it.
        if let Ok(place) = self.place(labels.series(&name, None), family)
            && let Some(series) = self.out.series.get_mut(place)
        {
            series.samples.push(Sample {
                value: 1.0,
                timestamp: millis(newest),
                start_timestamp: 0,
            });
        }
    }

    /// The place of the series with these labels.
    fn place(&mut self, labels: LabelSet, family: usize) -> Result<usize, RejectionReason> {
        let length: usize = labels.iter().map(|(n, v)| n.len() + v.len()).sum();
        if length > MAX_LABELS {
            return Err("a series has more than 32 KiB of labels");
        }
        if let Some(place) = self.found.get(&labels) {
            return Ok(*place);
        }
        let more = length.saturating_add(OVERHEAD);
        self.bytes = self.bytes.saturating_add(more);
        if self.bytes > MAX_BYTES {
            return Err(
                "a batch would become more than 256 MiB of series; send smaller ones, or fewer attributes as labels",
            );
        }
        let labels = Arc::new(labels);
        let place = self.out.series.len();
        self.found.insert(Arc::clone(&labels), place);
        self.out.series.push(Series {
            labels,
            family,
            ..Series::default()
        });
        Ok(place)
    }

    /// Samples in the order of their time. Of several at one time, which backends refuse, the last counts.
    fn finish(mut self) -> Translation {
        for series in &mut self.out.series {
            series.samples.sort_by_key(|sample| sample.timestamp);
            last_of_each(&mut series.samples, |sample| sample.timestamp);
            series.histograms.sort_by_key(|one| one.timestamp);
            last_of_each(&mut series.histograms, |one| one.timestamp);
            series.exemplars.sort_by_key(|exemplar| exemplar.timestamp);
        }
        self.out
    }
}

fn last_of_each<T>(sorted: &mut Vec<T>, time: impl Fn(&T) -> i64) {
    sorted.reverse();
    sorted.dedup_by_key(|one| time(one));
    sorted.reverse();
}

fn millis(unix_nano: u64) -> i64 {
    i64::try_from(unix_nano / 1_000_000).unwrap_or(i64::MAX)
}
