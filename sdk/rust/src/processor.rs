//! The trait of a processor plugin.

use serde::de::DeserializeOwned;

use crate::{Batch, ConfigError, Contract, Outcome, PluginError};

/// A processor: looks at a batch, and says what to drop and what to change.
pub trait Processor: Sized {
    /// The settings, read from the component's section of the manifest. Use
    /// `#[serde(deny_unknown_fields)]`, so that a misspelt key is an error.
    type Config: DeserializeOwned;

    /// Takes the settings and declares the fields it needs under them.
    fn configure(config: Self::Config, contract: &mut Contract) -> Result<Self, ConfigError>;

    /// Takes one batch. On an error the outcome is thrown away.
    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError>;
}
