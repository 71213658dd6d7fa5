//! The test kit for routers.

use spanmill_model::Signal;

use super::host::Host;
use super::items::{Item, Items};
use super::{check_takes, config_error, plugin_error, wire_signal};
use crate::guest::{self, contract_wit};
use crate::{ConfigError, PluginError, Router};

/// A configured router under test.
pub struct RouterKit<R> {
    plugin: R,
    contract: contract_wit::Contract,
    pipelines: Vec<String>,
    host: Host,
}

/// Where the items of a batch went.
#[derive(Clone, Debug)]
pub struct Routed<T> {
    /// What each pipeline got, in the order in which the kit was given them.
    pub pipelines: Vec<(String, Items<T>)>,
    /// How many items went nowhere.
    pub dropped: usize,
}

impl<T: Item> Routed<T> {
    /// What a pipeline got; panics if there is none of this name.
    pub fn to(&self, pipeline: &str) -> &Items<T> {
        match self.pipelines.iter().find(|(name, _)| name == pipeline) {
            Some((_, items)) => items,
            None => panic!("there is no pipeline {pipeline}"),
        }
    }
}

impl<R: Router> RouterKit<R> {
    /// Configures a router that may send to pipelines of a signal.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `configure`. A contract that no host would take panics.
    pub fn new(
        settings: serde_json::Value,
        signal: Signal,
        pipelines: &[&str],
    ) -> Result<Self, ConfigError> {
        let pipelines: Vec<String> = pipelines.iter().map(|&name| name.to_owned()).collect();
        let (plugin, contract) = guest::configure_router::<R>(
            &settings.to_string(),
            wire_signal(signal),
            pipelines.clone(),
        )
        .map_err(config_error)?;
        assert!(contract.writes.is_empty(), "a router writes nothing");
        check_takes(&contract, signal);
        Ok(RouterKit {
            plugin,
            host: Host::new(&contract),
            contract,
            pipelines,
        })
    }

    /// The paths it reads.
    pub fn reads(&self) -> Vec<&str> {
        self.contract.reads.iter().map(String::as_str).collect()
    }

    /// Runs one batch. Panics where the plugin fails or breaks a rule.
    pub fn run<T: Item>(&mut self, items: &Items<T>) -> Routed<T> {
        self.try_run(items)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs one batch, which the plugin may refuse.
    ///
    /// # Errors
    ///
    /// Those of the plugin's `process`.
    pub fn try_run<T: Item>(&mut self, items: &Items<T>) -> Result<Routed<T>, PluginError> {
        check_takes(&self.contract, T::SIGNAL);
        let batch = self.host.load(items);
        let routes = guest::run_router(Some(&mut self.plugin), batch).map_err(plugin_error)?;
        let (dropped, parts) = self.host.route(routes, self.pipelines.len());
        let items = parts
            .iter()
            .map(|bytes| Items::from_otlp(bytes, items.received_unix_nano));
        Ok(Routed {
            pipelines: self.pipelines.iter().cloned().zip(items).collect(),
            dropped,
        })
    }
}
