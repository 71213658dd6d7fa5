//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_sdk::{ConfigError, Problems};

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Attributes by which exceptions are told apart, beside the name of the service and the span's name, kind and
    /// status. Without it `exception.type` and `exception.message`.
    pub(crate) dimensions: Vec<Dimension>,
    pub(crate) exemplars: Exemplars,
}

impl Default for Settings {
    fn default() -> Self {
        let dimension = |name: &str| Dimension {
            name: name.to_owned(),
            default: None,
        };
        Settings {
            dimensions: vec![dimension("exception.type"), dimension("exception.message")],
            exemplars: Exemplars::default(),
        }
    }
}

/// An attribute by which exceptions are told apart.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct Dimension {
    /// Its key: of the span, else of the event, else of the resource.
    pub name: String,
    /// Its value where it is nowhere. Without one it is left out there.
    #[serde(default)]
    pub default: Option<String>,
}

/// Spans as examples of what was counted.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Exemplars {
    /// Data points carry up to five spans as exemplars.
    pub enabled: bool,
}

/// The attributes that every exception has.
pub(crate) const SERVICE_NAME: &str = "service.name";
pub(crate) const SPAN_NAME: &str = "span.name";
pub(crate) const SPAN_KIND: &str = "span.kind";
pub(crate) const STATUS_CODE: &str = "status.code";

impl Settings {
    /// Fails on dimensions that are there twice.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new();
        let mut known = vec![SERVICE_NAME, SPAN_NAME, SPAN_KIND, STATUS_CODE];
        for (place, dimension) in self.dimensions.iter().enumerate() {
            let path = format!("/dimensions/{place}/name");
            if dimension.name.is_empty() {
                problems.push(path, "must not be empty");
            } else if known.contains(&dimension.name.as_str()) {
                let message = format!("`{}` is a dimension already; take it out", dimension.name);
                problems.push(path, message);
            }
            known.push(&dimension.name);
        }
        problems.check()
    }
}

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::Settings);
}
