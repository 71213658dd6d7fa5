//! The settings, as the Collector reads them.

use serde::Deserialize;
use serde_json::Value;
use spanmill_actions::ActionConfig;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default)]
    pub(crate) actions: Option<Vec<ActionConfig>>,
    #[serde(default)]
    pub(crate) include: Option<Match>,
    #[serde(default)]
    pub(crate) exclude: Option<Match>,
}

/// Which spans are meant.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Match {
    pub match_type: String,
    /// The Collector's cache of patterns; it changes no answer, and nothing is cached here.
    #[serde(rename = "regexp")]
    pub _regexp: Value,
    pub services: Vec<String>,
    pub span_names: Vec<String>,
    pub span_kinds: Vec<String>,
    pub attributes: Vec<KeyValue>,
    pub resources: Vec<KeyValue>,
    pub libraries: Vec<Library>,
    // For logs and metrics only.
    pub log_bodies: Value,
    pub log_severity_texts: Value,
    pub log_severity_number: Value,
    pub metric_names: Value,
}

/// An attribute to match; without a value, its key must be there.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KeyValue {
    pub key: String,
    pub value: Value,
}

/// An instrumentation scope to match.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Library {
    pub name: String,
    pub version: Option<String>,
}
