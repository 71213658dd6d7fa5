//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_sdk::{Level, log};

/// The component's section of the manifest.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The attributes whose values resources are to have. Without any, what has equal resources and scopes is put together, and
    /// nothing else.
    keys: Option<Vec<String>>,
}

impl Settings {
    /// The keys, each once, without empty ones.
    pub(crate) fn keys(self) -> Vec<String> {
        let mut keys: Vec<String> = Vec::new();
        for (at, key) in self.keys.unwrap_or_default().into_iter().enumerate() {
            match keys.contains(&key) {
                _ if key.is_empty() => {}
                true => {
                    let message = format!("/keys/{at} is among the keys already; it is left out");
                    log(Level::Warn, &message);
                }
                false => keys.push(key),
            }
        }
        keys
    }
}
