//! Does nothing, and says that it is what no plugin may be called.

use spanmill_sdk::{About, Batch, ConfigError, Contract, Outcome, PluginError, Processor};

/// None.
#[derive(serde::Deserialize)]
pub struct Settings {}

/// The plugin.
pub struct Misnamed;

impl Processor for Misnamed {
    type Config = Settings;

    fn configure(_: Settings, _: &mut Contract) -> Result<Self, ConfigError> {
        Ok(Misnamed)
    }

    fn process(&mut self, _: &Batch<'_>, _: &mut Outcome) -> Result<(), PluginError> {
        Ok(())
    }
}

impl About for Misnamed {
    const NAME: &'static str = "\u{1b}[2Jspanmill";
    const VERSION: &'static str = "1";
    const SUMMARY: &'static str = "";
}

spanmill_sdk::register_processor!(Misnamed, about);
