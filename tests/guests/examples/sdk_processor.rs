//! Names every span by the number of the batch, which outlives the instance: `batch N`, as `stateful` does.

use spanmill_sdk::{
    About, Batch, Cell, ConfigError, Contract, Outcome, PluginError, Processor, RestoreError,
    State, WriteField,
};

/// None.
#[derive(serde::Deserialize)]
pub struct Settings {}

/// The plugin.
pub struct Numbering {
    batches: u64,
    name: WriteField,
}

impl Processor for Numbering {
    type Config = Settings;

    fn configure(_: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let name = contract.write("span.name");
        Ok(Numbering { batches: 0, name })
    }

    fn process(&mut self, _: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        self.batches += 1;
        let name = outcome.text(&format!("batch {}", self.batches));
        outcome.set_all(self.name, Cell::Text(name));
        Ok(())
    }
}

impl State for Numbering {
    const FORMAT: u32 = 1;

    fn snapshot(&self) -> Vec<u8> {
        self.batches.to_le_bytes().to_vec()
    }

    fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        if format != Self::FORMAT {
            return Err(RestoreError::Format);
        }
        let count = data.try_into();
        let count = count.map_err(|_| RestoreError::data("a count has 8 bytes"))?;
        self.batches = u64::from_le_bytes(count);
        Ok(())
    }
}

impl About for Numbering {
    const NAME: &'static str = "numbering";
    const VERSION: &'static str = "1.2.3-test";
    const SUMMARY: &'static str = "Names every span by the number of the batch";
    const SETTINGS_SCHEMA: &'static str = r#"{"additionalProperties":false,"type":"object"}"#;
}

spanmill_sdk::register_processor!(Numbering, state, about);
