//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_actions::ActionConfig;
use spanmill_matching::Match;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Done one after the other; at least one.
    #[serde(default)]
    pub(crate) actions: Option<Vec<ActionConfig>>,
    /// Which spans, log records or metrics are changed; looked at before `exclude`.
    #[serde(default)]
    pub(crate) include: Option<Match>,
    /// Which are not.
    #[serde(default)]
    pub(crate) exclude: Option<Match>,
}
