//! A plugin that reads what its settings name and does nothing with it: the price of the boundary alone.

use serde::Deserialize;
use spanmill_sdk::{
    Batch, ConfigError, Context, Contract, Outcome, PluginError, Processor, Sharding,
};

/// What to read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    reads: Vec<String>,
    /// Whether to answer with a verdict for every span.
    #[serde(default)]
    verdicts: bool,
    /// Whether it asks for whole traces.
    #[serde(default)]
    by_trace: bool,
}

pub struct Probe {
    verdicts: bool,
}

impl Processor for Probe {
    type Config = Settings;

    fn configure(config: Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        for path in &config.reads {
            // The handle is not used: the columns cross all the same.
            contract.read_text(path);
        }
        if config.by_trace {
            contract.shard(Sharding::ByTrace);
        }
        Ok(Probe {
            verdicts: config.verdicts,
        })
    }

    fn process(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        if self.verdicts {
            (0..batch.rows(Context::Span))
                .step_by(2)
                .for_each(|row| outcome.drop_row(Context::Span, row));
        }
        Ok(())
    }
}

spanmill_sdk::register_processor!(Probe);
