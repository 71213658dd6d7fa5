//! The labels of a series.

use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};

use crate::export::prom::{names, value_text};
use crate::export::remote_write::config::RemoteWriteConfig;

/// Names and values, ordered by name, each name once.
pub(super) type LabelSet = Vec<(String, String)>;

/// Labels under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(BTreeMap<String, String>);

/// The labels that all series of a resource and scope share.
#[derive(Clone, Debug, Default)]
pub(super) struct BaseLabels {
    /// Override attributes: `job` and `instance`.
    target: Vec<(String, String)>,
    /// Used only where nothing else sets the label.
    external: Arc<[(String, String)]>,
    /// Override everything before.
    scope: Vec<(String, String)>,
    /// Resource attributes that are labels of every series.
    pub(super) resource: Vec<KeyValue>,
}

const NAME: &str = "service.name";
const NAMESPACE: &str = "service.namespace";
const INSTANCE: &str = "service.instance.id";
/// The attributes that `job` and `instance` are made from.
const IDENTITY: [&str; 3] = [NAME, NAMESPACE, INSTANCE];

impl BaseLabels {
    /// The labels that all series of a resource share.
    pub(super) fn of_resource(config: &RemoteWriteConfig, attributes: &[KeyValue]) -> Self {
        let find = |key: &str| {
            attributes
                .iter()
                .find(|attribute| attribute.key == key)
                .map(value_text::of)
        };
        let is_something = |text: &String| !text.is_empty();
        let mut target = Vec::new();
        if let Some(service) = find(NAME).filter(is_something) {
            let job = match find(NAMESPACE) {
                Some(namespace) => format!("{namespace}/{service}"),
                None => service,
            };
            target.push(("job".to_owned(), job));
        }
        if let Some(instance) = find(INSTANCE).filter(is_something) {
            target.push(("instance".to_owned(), instance));
        }
        let copied = attributes.iter().filter(|attribute| {
            config.resource_to_telemetry
                && !(config.exclude_service_attributes
                    && IDENTITY.contains(&attribute.key.as_str()))
        });
        BaseLabels {
            target,
            external: Arc::from(config.external_labels.as_slice()),
            scope: Vec::new(),
            resource: copied.cloned().collect(),
        }
    }

    /// Adds the labels of the scope.
    pub(super) fn with_scope(&self, scope: Option<&InstrumentationScope>) -> Self {
        let mut base = self.clone();
        let Some(scope) = scope else {
            return base;
        };
        for (name, value) in [
            ("otel_scope_name", &scope.name),
            ("otel_scope_version", &scope.version),
        ] {
            if !value.is_empty() {
                base.scope.push((name.to_owned(), value.clone()));
            }
        }
        for attribute in &scope.attributes {
            // The scope's own labels.
            if matches!(attribute.key.as_str(), "name" | "version" | "schema_url") {
                continue;
            }
            if let Some(name) = names::written_label(&format!("otel_scope_{}", attribute.key)) {
                base.scope.push((name, value_text::of(attribute)));
            }
        }
        base
    }

    /// The labels of a point; `None` if one of its keys cannot become a name.
    pub(super) fn labels(&self, attributes: &[KeyValue]) -> Option<Labels> {
        let is_shadowed = |attribute: &&KeyValue| {
            let mut resource = self.resource.iter();
            !resource.any(|own| own.key == attribute.key)
        };
        let own = attributes.iter().filter(is_shadowed);
        let mut sorted: Vec<(&str, String)> = own
            .chain(&self.resource)
            .map(|attribute| (attribute.key.as_str(), value_text::of(attribute)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        sorted.sort_by(|one, other| one.0.cmp(other.0));
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        for (key, value) in sorted {
            let joined = labels.entry(names::written_label(key)?).or_default();
            if joined.is_empty() {
                *joined = value;
            } else if *joined != value {
                joined.push(';');
                joined.push_str(&value);
            }
        }
        labels.extend(self.target.iter().cloned());
        for (name, value) in self.external.iter() {
            labels.entry(name.clone()).or_insert_with(|| value.clone());
        }
        labels.extend(self.scope.iter().cloned());
        Some(Labels(labels))
    }

    /// The labels of a resource's `target_info`; `None` if it has no further attributes or cannot be identified.
    pub(super) fn target_info(&self, attributes: &[KeyValue]) -> Option<Labels> {
        if self.target.is_empty() {
            return None;
        }
        let is_identity = |attribute: &KeyValue| IDENTITY.contains(&attribute.key.as_str());
        let says = attributes
            .iter()
            .filter(|attribute| !is_identity(attribute));
        let says: Vec<KeyValue> = says.cloned().collect();
        if says.is_empty() {
            return None;
        }
        let base = BaseLabels {
            resource: Vec::new(),
            scope: Vec::new(),
            ..self.clone()
        };
        base.labels(&says)
    }
}

impl Labels {
    /// The labels of a series with this name; `own` is a label of the format, such as `le`.
    pub(super) fn series(&self, name: &str, own: Option<(&str, &str)>) -> LabelSet {
        let mut labels = self.0.clone();
        if let Some((name, value)) = own {
            labels.insert(name.to_owned(), value.to_owned());
        }
        labels.insert("__name__".to_owned(), name.to_owned());
        // Prometheus treats an empty label as absent, and rejects one in a request.
        labels.retain(|_, value| !value.is_empty());
        labels.into_iter().collect()
    }
}
