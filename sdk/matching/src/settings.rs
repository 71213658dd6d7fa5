//! `include` and `exclude`, as the Collector reads them.

use serde::Deserialize;
use serde_json::Value;
use spanmill_sdk::Signal;

/// Which spans, log records or metrics are meant.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Match {
    /// How the lists below are matched, `strict` or `regexp`; required. Of each list one entry must match, of
    /// `attributes`, `resources` and `libraries` all.
    pub(crate) match_type: String,
    /// The Collector's cache of patterns: without effect, since it changes no answer.
    #[serde(rename = "regexp")]
    pub(crate) _regexp: Value,
    /// The resource's `service.name`.
    pub(crate) services: Vec<String>,
    /// The name.
    pub(crate) span_names: Vec<String>,
    /// Such as `SPAN_KIND_SERVER`.
    pub(crate) span_kinds: Vec<String>,
    /// Attributes of the span or log record.
    pub(crate) attributes: Vec<KeyValue>,
    /// Attributes of the resource.
    pub(crate) resources: Vec<KeyValue>,
    /// Instrumentation scopes.
    pub(crate) libraries: Vec<Library>,
    /// The body as text.
    pub(crate) log_bodies: Vec<String>,
    /// The severity text.
    pub(crate) log_severity_texts: Vec<String>,
    /// The severity number.
    pub(crate) log_severity_number: Option<SeverityNumber>,
    /// Metrics, with all their data points.
    pub(crate) metric_names: Vec<String>,
}

/// Which severity numbers are meant.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SeverityNumber {
    /// The least that matches.
    pub min: u32,
    /// Whether records without one match.
    pub match_undefined: bool,
}

impl Match {
    /// The properties given, each with the signals that it has a meaning for.
    fn given(&self) -> Vec<(&'static str, &'static [Signal])> {
        use Signal::{Logs, Metrics, Traces};
        let all: [(&str, &[Signal], bool); 10] = [
            ("services", &[Traces], !self.services.is_empty()),
            ("span_names", &[Traces], !self.span_names.is_empty()),
            ("span_kinds", &[Traces], !self.span_kinds.is_empty()),
            ("attributes", &[Traces, Logs], !self.attributes.is_empty()),
            ("libraries", &[Traces, Logs], !self.libraries.is_empty()),
            ("resources", &Signal::ALL, !self.resources.is_empty()),
            ("log_bodies", &[Logs], !self.log_bodies.is_empty()),
            (
                "log_severity_texts",
                &[Logs],
                !self.log_severity_texts.is_empty(),
            ),
            (
                "log_severity_number",
                &[Logs],
                self.log_severity_number.is_some(),
            ),
            ("metric_names", &[Metrics], !self.metric_names.is_empty()),
        ];
        let given = all.into_iter().filter(|(.., is_given)| *is_given);
        given.map(|(name, signals, _)| (name, signals)).collect()
    }

    /// The signals for which every property given has a meaning.
    ///
    /// # Errors
    ///
    /// What is wrong if there is none.
    pub fn signals(&self) -> Result<Vec<Signal>, String> {
        let given = self.given();
        if given.is_empty() {
            return Err(
                "needs services, span_names, span_kinds, attributes, resources or libraries; for logs also log_bodies, \
                 log_severity_texts or log_severity_number, for metrics metric_names or resources"
                    .to_owned(),
            );
        }
        let mut signals = Signal::ALL.to_vec();
        signals.retain(|signal| given.iter().all(|(_, of)| of.contains(signal)));
        if !signals.is_empty() {
            return Ok(signals);
        }
        let list = given.iter().map(|(name, of)| {
            let of: Vec<&str> = of.iter().map(|signal| signal.name()).collect();
            format!("{name} ({})", of.join(", "))
        });
        let list: Vec<String> = list.collect();
        Err(format!(
            "mixes what has a meaning for different signals: {}; use a component for each",
            list.join(", ")
        ))
    }
}

/// An attribute to match; without a value, its key must be there.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct KeyValue {
    /// Its key.
    pub key: String,
    /// Its value; without one the key must be there.
    pub value: Value,
}

/// An instrumentation scope to match.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Library {
    /// Its name.
    pub name: String,
    /// Its version; without it any.
    pub version: Option<String>,
}
