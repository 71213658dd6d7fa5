//! The test kit for record connectors.

use spanmill_model::Signal;
use spanmill_otlp::RecordPlan;

use super::host::Host;
use super::items::{Item, Items};
use super::{check_takes, config_error, plugin_error, signal};
use crate::guest::{self, Recording, contract_wit};
use crate::{ConfigError, PluginError, RecordConnector};

/// A configured record connector under test.
pub struct RecordKit<P> {
    plugin: Recording<P>,
    contract: contract_wit::Contract,
    plan: RecordPlan,
    host: Host,
}

impl<P: RecordConnector> RecordKit<P> {
    /// Configures a record connector.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `configure`. What no host would take panics.
    pub fn new(settings: serde_json::Value) -> Result<Self, ConfigError> {
        let (plugin, declared) =
            guest::configure_record_connector::<P>(&settings.to_string()).map_err(config_error)?;
        assert!(
            declared.contract.writes.is_empty(),
            "a record connector writes nothing"
        );
        let stream = declared.records;
        let plan = RecordPlan::new(
            signal(stream.signal),
            &stream.fields,
            stream.scope_name,
            stream.scope_version,
        );
        Ok(RecordKit {
            plugin,
            plan: plan.unwrap_or_else(|error| panic!("{error}")),
            host: Host::new(&declared.contract),
            contract: declared.contract,
        })
    }

    /// The paths it reads.
    pub fn reads(&self) -> Vec<&str> {
        self.contract.reads.iter().map(String::as_str).collect()
    }

    /// What the records are.
    pub fn makes(&self) -> Signal {
        self.plan.signal()
    }

    /// Runs one batch, and returns the records made: `kit.run::<_, LogRecord>(&spans)`. Panics where the plugin fails or
    /// breaks a rule.
    pub fn run<T: Item, R: Item>(&mut self, items: &Items<T>) -> Items<R> {
        self.try_run(items)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs one batch, which the plugin may refuse.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `process`.
    pub fn try_run<T: Item, R: Item>(&mut self, items: &Items<T>) -> Result<Items<R>, PluginError> {
        check_takes(&self.contract, T::SIGNAL);
        assert_eq!(
            R::SIGNAL,
            self.plan.signal(),
            "the plugin makes other records"
        );
        let batch = self.host.load(items);
        let records =
            guest::run_record_connector(Some(&mut self.plugin), batch).map_err(plugin_error)?;
        let made = self.host.records(&self.plan, records);
        Ok(Items::from_otlp(&made, items.received_unix_nano))
    }
}
