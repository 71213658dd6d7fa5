//! The resource processor: changes the attributes of resources, whatever signal they come with.
//!
//! The actions are those of the Collector's `resource`, shared with the attributes processor.

use serde::Deserialize;
use spanmill_actions::{ActionConfig, Actions};
use spanmill_sdk::{
    Batch, ConfigError, Context, Contract, Outcome, PluginError, Problems, Processor, Signal,
};

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Done one after the other; at least one.
    #[serde(default)]
    attributes: Option<Vec<ActionConfig>>,
}

/// The resource processor.
#[derive(Debug)]
pub struct Resource(Actions);

impl Processor for Resource {
    type Config = Settings;

    fn configure(settings: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let configs = settings.attributes.unwrap_or_default();
        let actions = Actions::new(
            &configs,
            "/attributes",
            Context::Resource,
            false,
            contract,
            &mut problems,
        );
        problems.check()?;
        contract.take(Signal::ALL);
        Ok(Resource(actions))
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        self.0.run(batch, outcome, &[]);
        Ok(())
    }
}

impl spanmill_sdk::About for Resource {
    const NAME: &'static str = "resource";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(Resource, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::Settings);
}
