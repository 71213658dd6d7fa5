//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_sdk::{ConfigError, Problems};
use spanmill_settings::Duration;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long after its first span a trace goes on; looked at once a second.
    pub(crate) wait_duration: Duration,
    /// How many traces wait in an instance; beyond it the oldest go on early, where the Collector drops them.
    pub(crate) num_traces: u64,
    /// Without effect: the host has as many workers as it is told.
    #[serde(rename = "num_workers")]
    _num_workers: u64,
    /// Not supported, nor is it by the Collector.
    discard_orphans: bool,
    /// Not supported, nor is it by the Collector.
    store_on_disk: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            wait_duration: Duration(1_000_000_000),
            num_traces: 1_000_000,
            _num_workers: 1,
            discard_orphans: false,
            store_on_disk: false,
        }
    }
}

impl Settings {
    /// Finds what types cannot say.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new();
        if self.wait_duration.0 < 0 {
            problems.push("/wait_duration", "must not be negative");
        }
        if !(1..=100_000_000).contains(&self.num_traces) {
            problems.push("/num_traces", "must be between 1 and 100000000");
        }
        for (path, is_set) in [
            ("/discard_orphans", self.discard_orphans),
            ("/store_on_disk", self.store_on_disk),
        ] {
            if is_set {
                problems.push(
                    path,
                    "is not supported, nor is it by the Collector; remove it",
                );
            }
        }
        problems.check()
    }
}
