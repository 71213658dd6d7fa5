//! The settings, as the Collector reads them.

use serde::Deserialize;
use serde_json::Value;
use spanmill_sdk::{ConfigError, Problems};

/// The most sources of an association, as in the Collector.
const SOURCES: usize = 4;

/// The component's section of the manifest.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Required to be `true`: the pod's address is noted, and nothing asked of Kubernetes.
    pub(crate) passthrough: bool,
    /// What identifies a pod, tried in order; without any its attribute `k8s.pod.ip` or `ip`, the connection, or `host.name`.
    pub(crate) pod_association: Vec<Association>,
    /// Without effect, as are all that follow: Kubernetes is not asked.
    #[serde(rename = "auth_type")]
    _auth_type: Value,
    /// Without effect.
    #[serde(rename = "context")]
    _context: Value,
    /// Without effect.
    #[serde(rename = "kube_config_path")]
    _kube_config_path: Value,
    /// Without effect.
    #[serde(rename = "extract")]
    _extract: Value,
    /// Without effect.
    #[serde(rename = "filter")]
    _filter: Value,
    /// Without effect.
    #[serde(rename = "exclude")]
    _exclude: Value,
    /// Without effect.
    #[serde(rename = "wait_for_metadata")]
    _wait_for_metadata: Value,
    /// Without effect.
    #[serde(rename = "wait_for_metadata_timeout")]
    _wait_for_metadata_timeout: Value,
    /// Without effect.
    #[serde(rename = "watch_sync_period")]
    _watch_sync_period: Value,
    /// Without effect.
    #[serde(rename = "pod_delete_grace_period")]
    _pod_delete_grace_period: Value,
}

/// What together identifies a pod.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Association {
    /// At most four, all of which have to be there.
    pub(crate) sources: Vec<SourceConfig>,
}

/// Where a part of what identifies a pod is found.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SourceConfig {
    /// `connection`, or `resource_attribute`.
    pub(crate) from: String,
    /// The attribute's key; of `host.name` only addresses count.
    pub(crate) name: String,
}

impl Settings {
    /// Finds what types cannot say.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new();
        if !self.passthrough {
            problems.push(
                "/passthrough",
                "must be true: a plugin has no network, and cannot ask Kubernetes; have a Collector behind this one add \
                 what belongs to k8s.pod.ip",
            );
        }
        for (place, association) in self.pod_association.iter().enumerate() {
            let path = format!("/pod_association/{place}/sources");
            if association.sources.len() > SOURCES {
                problems.push(path.clone(), "has at most 4 sources");
            }
            for (place, source) in association.sources.iter().enumerate() {
                match source.from.as_str() {
                    "connection" => {}
                    "resource_attribute" if source.name.is_empty() => problems.push(
                        format!("{path}/{place}/name"),
                        "is required: the key of a resource attribute",
                    ),
                    "resource_attribute" => {}
                    _ => problems.push(
                        format!("{path}/{place}/from"),
                        "must be connection or resource_attribute",
                    ),
                }
            }
        }
        problems.check()
    }
}
