//! From OTLP's metrics to series, samples in the order of their time.

mod points;
mod table;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, Metric};

use super::labels::{BaseLabels, Labels};
use super::messages::{Sample, kind};
use crate::export::prom::names::{self, Naming, Shape};
use crate::export::remote_write::config::{RemoteWriteConfig, RemoteWriteVersion};
pub(super) use table::{Family, Series, Translation};
use table::{SeriesTable, millis};

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
        table: SeriesTable::new(config.version == RemoteWriteVersion::V2),
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
    translator.table.finish()
}

struct Translator {
    naming: Naming,
    table: SeriesTable,
}

impl Translator {
    /// Takes a metric. Returns the time of its newest point.
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
            self.table.reject(points.len(), what);
            return newest;
        }
        let Some(name) = self.naming.metric(&metric.name, &metric.unit, shape) else {
            let what = "no name for Prometheus can be made of a metric's name; rename it";
            self.table.reject(points.len(), what);
            return newest;
        };
        let family = self.table.family(Family {
            name: name.clone(),
            kind,
            help: metric.description.clone(),
            unit: names::unit(&metric.unit),
        });
        for point in points {
            let labels = base.labels(point.attributes);
            let taken = match labels {
                Some(labels) => self.table.point(&name, family, &labels, point),
                None => {
                    Err("an attribute's key has no letter or digit that a label could be named by")
                }
            };
            if let Err(what) = taken {
                self.table.reject(1, what);
            }
        }
        newest
    }

    fn target_info(&mut self, labels: Option<Labels>, newest: u64) {
        let Some(labels) = labels else { return };
        let name = self.naming.target_info();
        let family = self.table.family(Family {
            name: name.clone(),
            kind: kind::GAUGE,
            help: "Target metadata".to_owned(),
            unit: String::new(),
        });
        // A `target_info` that is too long is left out on its own.
        if let Ok(place) = self.table.place(labels.series(&name, None), family)
            && let Some(series) = self.table.series_mut(place)
        {
            series.samples.push(Sample {
                value: 1.0,
                timestamp: millis(newest),
                start_timestamp: 0,
            });
        }
    }
}
