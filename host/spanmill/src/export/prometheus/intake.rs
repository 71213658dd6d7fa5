//! From OTLP's metrics to series.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ScopeMetrics};
use prost::Message as _;

use super::kind::Kind;
use super::labels::Labels;
use super::points::{self, MetricPoints, Value};
use super::reading::Reading;
use super::registry::{LIMITS, Limits, Point, Registry};
use super::series::Source;
use crate::export::prom::names::{self, Naming};
use crate::export::prom::value_text;
use crate::export::prometheus::config::PrometheusConfig;

/// Points taken in before scrapes get a turn.
const AT_ONCE: usize = 256;

/// The attributes that `job` and `instance` are made from.
const SERVICE: &str = "service.name";
const NAMESPACE: &str = "service.namespace";
const INSTANCE: &str = "service.instance.id";

/// Turns metrics into series as the settings say, and keeps them.
pub(super) struct Intake {
    registry: Mutex<Registry>,
    naming: Naming,
    constant: Vec<(String, String)>,
    resource_labels: bool,
    /// Leaves out the attributes that identify the service.
    without_service: bool,
    scope_labels: bool,
    hasher: RandomState,
}

/// The labels that all series of a resource share.
struct Resource<'a> {
    labels: Labels,
    attributes: &'a [KeyValue],
    id: u64,
    /// Whether it has both a job and an instance, and so can be identified.
    is_target: bool,
}

impl Intake {
    pub(super) fn new(config: &PrometheusConfig) -> Self {
        Intake::with_limits(config, LIMITS)
    }

    pub(super) fn with_limits(config: &PrometheusConfig, limits: Limits) -> Self {
        let expiration = config.metric_expiration;
        Intake {
            registry: Mutex::new(Registry::new(
                expiration,
                config.enable_open_metrics,
                limits,
            )),
            naming: Naming {
                namespace: config.namespace.clone(),
                suffixes: config.add_metric_suffixes,
            },
            constant: config.const_labels.clone(),
            resource_labels: config.resource_to_telemetry,
            without_service: config.exclude_service_attributes,
            scope_labels: !config.without_scope_info,
            hasher: RandomState::new(),
        }
    }

    /// Locks the series. A panic while they were locked leaves them usable.
    pub(super) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes metrics in. Returns the number of rejected points.
    pub(super) fn take(&self, request: &ExportMetricsServiceRequest) -> u64 {
        let now = Instant::now();
        self.registry().expire(now);
        let mut rejected: u64 = 0;
        for resource in &request.resource_metrics {
            let attributes = resource
                .resource
                .as_ref()
                .map_or(&[][..], |resource| &resource.attributes);
            let resource_labels = self.resource(attributes);
            self.target_info(&resource_labels, now);
            for scope in &resource.scope_metrics {
                let (labels, id) = self.scope(&resource_labels, scope);
                for metric in &scope.metrics {
                    let taken = self.metric(metric, &resource_labels, &labels, id, now);
                    rejected = rejected.saturating_add(taken);
                }
            }
        }
        rejected
    }

    fn resource<'a>(&self, attributes: &'a [KeyValue]) -> Resource<'a> {
        let find = |key: &str| {
            attributes
                .iter()
                .find(|attribute| attribute.key == key)
                .map(value_text::of)
        };
        let mut labels = Labels::default();
        for (name, value) in &self.constant {
            labels.push(&names::label(name), name, value.clone());
        }
        let job = find(SERVICE).map(|service| match find(NAMESPACE) {
            Some(namespace) => format!("{namespace}/{service}"),
            None => service,
        });
        let instance = find(INSTANCE);
        let is_target = [&job, &instance]
            .into_iter()
            .all(|of| of.as_ref().is_some_and(|of| !of.is_empty()));
        if let Some(job) = job {
            labels.push("job", SERVICE, job);
        }
        if let Some(instance) = instance {
            labels.push("instance", INSTANCE, instance);
        }
        if self.resource_labels {
            for attribute in attributes {
                if self.is_copied(attribute) {
                    labels.attribute("", attribute);
                }
            }
        }
        Resource {
            labels,
            attributes,
            id: self.hash(0, "", attributes),
            is_target,
        }
    }

    /// Whether a resource attribute becomes a label where resource attributes do.
    fn is_copied(&self, attribute: &KeyValue) -> bool {
        !(self.without_service && [SERVICE, NAMESPACE, INSTANCE].contains(&attribute.key.as_str()))
    }

    /// The labels of a scope's series, and a number for resource and scope.
    fn scope(&self, resource: &Resource<'_>, metrics: &ScopeMetrics) -> (Labels, u64) {
        let mut labels = resource.labels.clone();
        let scope = metrics.scope.as_ref();
        let (name, version) = scope.map_or(("", ""), |scope| (&scope.name, &scope.version));
        let attributes = scope.map_or(&[][..], |scope| &scope.attributes);
        if self.scope_labels {
            for attribute in attributes {
                // The scope's own labels.
                if !matches!(attribute.key.as_str(), "name" | "version" | "schema_url") {
                    labels.attribute("otel_scope_", attribute);
                }
            }
            for (label, value) in [
                ("otel_scope_name", name),
                ("otel_scope_version", version),
                ("otel_scope_schema_url", &metrics.schema_url),
            ] {
                labels.push(label, label, value.to_owned());
            }
        }
        let id = self.hash(resource.id, name, attributes);
        let id = self.hash(id, version, &[]);
        (labels, self.hash(id, &metrics.schema_url, &[]))
    }

    /// Hashes the identity of a series' source.
    fn hash(&self, before: u64, name: &str, attributes: &[KeyValue]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(before);
        hasher.write_usize(name.len());
        hasher.write(name.as_bytes());
        for attribute in attributes {
            hasher.write(&attribute.encode_length_delimited_to_vec());
        }
        hasher.finish()
    }

    /// Writes the attributes of a target as the metric `target_info`.
    fn target_info(&self, resource: &Resource<'_>, now: Instant) {
        if !resource.is_target {
            return;
        }
        let mut base = Labels::default();
        for name in ["job", "instance"] {
            if let Some(value) = resource.labels.value(name) {
                base.push(name, name, value);
            }
        }
        let base_text = base.clone().written(None);
        let mut labels = base;
        for attribute in resource.attributes {
            // Leaves out what `job` and `instance` are made from, and attributes that would take their names.
            let is_known = [SERVICE, NAMESPACE, INSTANCE].contains(&attribute.key.as_str());
            let name = names::label(&attribute.key);
            if !is_known && name != "job" && name != "instance" {
                labels.attribute("", attribute);
            }
        }
        for (name, value) in &self.constant {
            labels.push(&names::label(name), name, value.clone());
        }
        let family = self.naming.target_info();
        let point = Point {
            family: &family,
            kind: Kind::Gauge,
            help: "Target metadata",
            labels: labels.written(None),
            source: Source {
                id: resource.id,
                reading: Reading::Number {
                    value: 1.0,
                    exemplar: None,
                },
                time_unix_nano: 0,
                start_unix_nano: 0,
                updated: now,
            },
            is_delta: false,
        };
        self.registry().target(&base_text, point);
    }

    /// Takes a metric in. Returns the number of rejected points.
    fn metric(
        &self,
        metric: &Metric,
        resource: &Resource<'_>,
        base: &Labels,
        scope: u64,
        now: Instant,
    ) -> u64 {
        let metric_points = match points::of(metric) {
            Ok(Some(points)) => points,
            Ok(None) => return 0,
            Err(problem) => {
                self.registry().tell(&metric.name, problem.what);
                return problem.points as u64;
            }
        };
        let MetricPoints {
            kind,
            shape,
            is_delta,
            points,
        } = metric_points;
        let Some(family) = self.naming.metric(&metric.name, &metric.unit, shape) else {
            self.registry().tell(
                &metric.name,
                "no name for Prometheus can be made of a metric's name; it is left out. Rename it",
            );
            return points.len() as u64;
        };
        let id = self.hash(scope, &metric.name, &[]);
        let id = self.hash(id, &metric.unit, &[]);
        let mut rejected: u64 = 0;
        let mut points = points.into_iter().peekable();
        while points.peek().is_some() {
            let batch = points.by_ref().take(AT_ONCE).map(|point| {
                let mut labels = base.clone();
                for attribute in point.attributes {
                    // The resource's label is there already.
                    let is_shadowed = self.resource_labels
                        && resource
                            .attributes
                            .iter()
                            .any(|own| own.key == attribute.key);
                    if !is_shadowed {
                        labels.attribute("", attribute);
                    }
                }
                let labels = labels.written(kind.reserved_label());
                (labels, self.hash(id, "", point.attributes), point)
            });
            let batch: Vec<_> = batch.collect();
            let mut registry = self.registry();
            for (labels, id, point) in batch {
                let taken = match point.value {
                    Value::Invalid(what) => {
                        registry.tell(&metric.name, what);
                        false
                    }
                    Value::Ended => {
                        registry.end(&family, &labels, id);
                        true
                    }
                    Value::Reading(reading) => registry.put(Point {
                        family: &family,
                        kind,
                        help: &metric.description,
                        labels,
                        source: Source {
                            id,
                            reading,
                            time_unix_nano: point.time_unix_nano,
                            start_unix_nano: point.start_unix_nano,
                            updated: now,
                        },
                        is_delta,
                    }),
                };
                rejected = rejected.saturating_add(u64::from(!taken));
            }
        }
        rejected
    }
}
