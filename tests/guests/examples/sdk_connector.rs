//! Counts batches, and says with each how many came before it: the sum `batches` of the series `after` N. What was
//! counted outlives the instance.

use spanmill_sdk::{
    Batch, Cell, ConfigError, Connector, Contract, Emission, Instrument, InstrumentKind,
    MetricStream, PluginError, RestoreError, State, Temporality,
};

/// None.
#[derive(serde::Deserialize)]
pub struct Settings {}

/// The plugin.
pub struct Tally {
    batches: u64,
}

impl Connector for Tally {
    type Config = Settings;

    fn configure(
        _: Settings,
        contract: &mut Contract,
    ) -> Result<(Self, MetricStream), ConfigError> {
        contract.read_text("span.name");
        let batches = Instrument {
            name: "batches".to_owned(),
            description: String::new(),
            unit: String::new(),
            kind: InstrumentKind::Sum,
            exemplars: 0,
        };
        let stream = MetricStream {
            scope: "tally".to_owned(),
            instruments: vec![batches],
            temporality: Temporality::Cumulative,
            flush_interval_ns: 100_000_000,
            expiration_ns: 0,
            series_limit: 0,
            resource_limit: 0,
            total_limit: 0,
            resource_key: Vec::new(),
        };
        Ok((Tally { batches: 0 }, stream))
    }

    fn process(&mut self, _: &Batch<'_>, emission: &mut Emission) -> Result<(), PluginError> {
        let after = emission.text("after");
        // Numbered anew with each batch: the numbers are the instance's own, and not handed on.
        emission.restart();
        emission.series(&[], &[(after, Cell::Int(self.batches as i64))]);
        emission.record(0, vec![0], vec![], vec![], vec![]);
        self.batches += 1;
        Ok(())
    }
}

impl State for Tally {
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

spanmill_sdk::register_connector!(Tally, state);
