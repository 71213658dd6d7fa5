//! The settings, as the Collector reads them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use spanmill_sdk::Context;

/// The component's section of the manifest.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Metrics that count spans, by name; without any `trace.span.count`.
    spans: Option<BTreeMap<String, Info>>,
    /// Metrics that count span events, by name; without any `trace.span.event.count`.
    spanevents: Option<BTreeMap<String, Info>>,
    /// Metrics that count metrics, by name; without any `metric.count`.
    metrics: Option<BTreeMap<String, Info>>,
    /// Metrics that count data points, by name; without any `metric.datapoint.count`.
    datapoints: Option<BTreeMap<String, Info>>,
    /// Metrics that count log records, by name; without any `log.record.count`.
    logs: Option<BTreeMap<String, Info>>,
    /// Not supported: profiles are no signal of this version.
    pub(crate) profiles: Option<Value>,
}

/// A metric that counts.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Info {
    /// The metric's description.
    pub description: String,
    /// OTTL conditions: what one of them holds for is counted; without any, everything is.
    pub conditions: Vec<String>,
    /// Counted apart by the values of these; not for `metrics`.
    pub attributes: Vec<Attribute>,
}

/// An attribute by which is counted.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Attribute {
    /// The attribute: of the row, else of its scope, else of its resource.
    pub key: String,
    /// Its value where it is nowhere. Without one, such rows are not counted.
    pub default_value: Value,
}

/// What is counted in a context.
pub(crate) struct Section {
    pub context: Context,
    /// The name of the setting.
    pub name: &'static str,
    pub metrics: BTreeMap<String, Info>,
}

impl Settings {
    /// What is counted, context by context.
    pub(crate) fn sections(self) -> Vec<Section> {
        let section = |context, name, metrics: Option<BTreeMap<String, Info>>, default, what| {
            let description = format!("The number of {what} observed.");
            let default = || {
                let info = Info {
                    description,
                    ..Info::default()
                };
                BTreeMap::from([(String::from(default), info)])
            };
            // As in the Collector, a section without a metric is none.
            let metrics = metrics.filter(|metrics| !metrics.is_empty());
            Section {
                context,
                name,
                metrics: metrics.unwrap_or_else(default),
            }
        };
        vec![
            section(
                Context::Span,
                "spans",
                self.spans,
                "trace.span.count",
                "spans",
            ),
            section(
                Context::SpanEvent,
                "spanevents",
                self.spanevents,
                "trace.span.event.count",
                "span events",
            ),
            section(
                Context::Metric,
                "metrics",
                self.metrics,
                "metric.count",
                "metrics",
            ),
            section(
                Context::DataPoint,
                "datapoints",
                self.datapoints,
                "metric.datapoint.count",
                "data points",
            ),
            section(
                Context::Log,
                "logs",
                self.logs,
                "log.record.count",
                "log records",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::Settings);
}
