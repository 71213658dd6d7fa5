//! The glue between the traits and the component model. Only the registration macros use it.

mod wire;
pub(crate) mod wit;
pub(crate) mod worlds;

#[cfg(not(target_family = "wasm"))]
pub(crate) use wire::{context, wire_context};
pub(crate) use wire::{declared, signal, view, wire_signal};
pub(crate) use wit::*;
pub use worlds::*;

pub use crate::settings::parse_settings;
use crate::{
    About, AppliedRules, Batch, Connector, Contract, Decisions, Emission, Grouper, Holder, Outcome,
    Pipelines, PluginError, Processor, Reasons, RecordConnector, RecordStream, Records,
    RestoreError, Router, Routes, State, Ticker,
};
use about_world::exports::spanmill::plugin::about as about_wit;
use connector_world::exports::spanmill::plugin::connector as connector_wit;
use record_connector_world::exports::spanmill::plugin::record_connector as record_wit;
use wire::{
    config_error, metrics, plugin_error, restore_error, wire_decisions, wire_emission, wire_groups,
    wire_outcome, wire_records, wire_routes,
};

/// A configured processor and what it declared.
#[doc(hidden)]
pub fn configure_processor<P: Processor>(
    settings: &str,
) -> Result<(P, contract_wit::Contract), contract_wit::ConfigError> {
    let mut contract = Contract::default();
    let config = parse_settings(settings).map_err(config_error)?;
    let plugin = P::configure(config, &mut contract).map_err(config_error)?;
    Ok((plugin, declared(contract)))
}

/// A configured connector and what it declared.
#[doc(hidden)]
pub fn configure_connector<P: Connector>(
    settings: &str,
) -> Result<(P, connector_wit::ConnectorContract), contract_wit::ConfigError> {
    let mut contract = Contract::default();
    let config = parse_settings(settings).map_err(config_error)?;
    let (plugin, stream) = P::configure(config, &mut contract).map_err(config_error)?;
    let declared = connector_wit::ConnectorContract {
        contract: declared(contract),
        metrics: metrics(stream),
    };
    Ok((plugin, declared))
}

/// One batch through a processor.
#[doc(hidden)]
pub fn run_processor<P: Processor>(
    plugin: Option<&mut P>,
    batch: telemetry::Batch,
) -> Result<telemetry::Outcome, contract_wit::PluginError> {
    answer(plugin, batch, P::process)
}

/// What a plugin's method makes of a batch.
fn answer<P>(
    plugin: Option<&mut P>,
    batch: telemetry::Batch,
    method: impl FnOnce(&mut P, &Batch<'_>, &mut Outcome) -> Result<(), PluginError>,
) -> Result<telemetry::Outcome, contract_wit::PluginError> {
    let plugin = plugin.ok_or(contract_wit::PluginError::NotConfigured)?;
    let batch = view(&batch);
    let mut outcome = Outcome::new(&batch);
    method(plugin, &batch, &mut outcome).map_err(plugin_error)?;
    Ok(wire_outcome(outcome))
}

/// One batch through a connector.
#[doc(hidden)]
pub fn run_connector<P: Connector>(
    plugin: Option<&mut P>,
    batch: telemetry::Batch,
) -> Result<metrics_wit::Emission, contract_wit::PluginError> {
    let plugin = plugin.ok_or(contract_wit::PluginError::NotConfigured)?;
    let batch = view(&batch);
    let mut emission = Emission::new(&batch);
    plugin
        .process(&batch, &mut emission)
        .map_err(plugin_error)?;
    Ok(wire_emission(emission))
}

/// A record connector, and the fields of its records.
#[doc(hidden)]
pub struct Recording<P> {
    plugin: P,
    stream: RecordStream,
}

impl<P: State> State for Recording<P> {
    const FORMAT: u32 = P::FORMAT;

    fn snapshot(&self) -> Vec<u8> {
        self.plugin.snapshot()
    }

    fn restore(&mut self, format: u32, data: &[u8]) -> Result<(), RestoreError> {
        self.plugin.restore(format, data)
    }
}

/// A configured record connector and what it declared.
#[doc(hidden)]
pub fn configure_record_connector<P: RecordConnector>(
    settings: &str,
) -> Result<(Recording<P>, record_wit::RecordContract), contract_wit::ConfigError> {
    let mut contract = Contract::default();
    let config = parse_settings(settings).map_err(config_error)?;
    let (plugin, stream) = P::configure(config, &mut contract).map_err(config_error)?;
    let (made, fields, scope_name, scope_version) = stream.clone().into_parts();
    let declared = record_wit::RecordContract {
        contract: declared(contract),
        records: records_wit::RecordStream {
            signal: wire_signal(made),
            fields,
            scope_name,
            scope_version,
        },
    };
    Ok((Recording { plugin, stream }, declared))
}

/// One batch through a record connector.
#[doc(hidden)]
pub fn run_record_connector<P: RecordConnector>(
    plugin: Option<&mut Recording<P>>,
    batch: telemetry::Batch,
) -> Result<records_wit::Records, contract_wit::PluginError> {
    let Recording { plugin, stream } = plugin.ok_or(contract_wit::PluginError::NotConfigured)?;
    let batch = view(&batch);
    let mut records = Records::new(&batch, stream);
    plugin.process(&batch, &mut records).map_err(plugin_error)?;
    Ok(wire_records(records))
}

/// A configured router and what it declared.
#[doc(hidden)]
pub fn configure_router<P: Router>(
    settings: &str,
    of: telemetry::Signal,
    pipelines: Vec<String>,
) -> Result<(P, contract_wit::Contract), contract_wit::ConfigError> {
    let mut contract = Contract::default();
    contract.take([signal(of)]);
    let config = parse_settings(settings).map_err(config_error)?;
    let pipelines = Pipelines::new(signal(of), pipelines);
    let plugin = P::configure(config, &pipelines, &mut contract).map_err(config_error)?;
    Ok((plugin, declared(contract)))
}

/// One batch through a router.
#[doc(hidden)]
pub fn run_router<P: Router>(
    plugin: Option<&mut P>,
    batch: telemetry::Batch,
) -> Result<routing_wit::Routes, contract_wit::PluginError> {
    let plugin = plugin.ok_or(contract_wit::PluginError::NotConfigured)?;
    let batch = view(&batch);
    let mut routes = Routes::new(&batch);
    plugin.process(&batch, &mut routes).map_err(plugin_error)?;
    Ok(wire_routes(routes))
}

/// What a plugin decides about the rows that it holds.
#[doc(hidden)]
pub fn tick<P: Ticker>(
    plugin: Option<&mut P>,
    now_unix_nano: u64,
    ending: bool,
) -> Result<ticker_wit::Decisions, contract_wit::PluginError> {
    let plugin = plugin.ok_or(contract_wit::PluginError::NotConfigured)?;
    let mut decisions = Decisions::default();
    plugin
        .tick(now_unix_nano, ending, &mut decisions)
        .map_err(plugin_error)?;
    Ok(wire_decisions(decisions))
}

/// Held rows shown to a plugin again.
#[doc(hidden)]
pub fn review<P: Ticker>(
    plugin: Option<&mut P>,
    batch: telemetry::Batch,
) -> Result<(), contract_wit::PluginError> {
    let plugin = plugin.ok_or(contract_wit::PluginError::NotConfigured)?;
    plugin.review(&view(&batch)).map_err(plugin_error)
}

/// Whether a plugin wants to see rows once more when they are released.
#[doc(hidden)]
pub fn sees_released<P: Holder>(plugin: Option<&P>) -> bool {
    plugin.is_some_and(P::sees_released)
}

/// Released rows shown to a plugin.
#[doc(hidden)]
pub fn released<P: Holder>(
    plugin: Option<&mut P>,
    batch: telemetry::Batch,
) -> Result<telemetry::Outcome, contract_wit::PluginError> {
    answer(plugin, batch, P::released)
}

/// Whether a plugin has no room for more traces.
#[doc(hidden)]
pub fn is_full<P: Holder>(plugin: Option<&P>) -> bool {
    plugin.is_some_and(P::is_full)
}

/// Whether a plugin will be asked for reasons.
#[doc(hidden)]
pub fn explain<P: Reasons>(plugin: Option<&mut P>, on: bool) {
    if let Some(plugin) = plugin {
        plugin.explain(on);
    }
}

/// By which rules a plugin answered.
#[doc(hidden)]
pub fn why<P: Reasons>(plugin: Option<&mut P>) -> reasons_wit::AppliedRules {
    let AppliedRules { rules, of_each } = plugin.map_or_else(AppliedRules::default, P::why);
    reasons_wit::AppliedRules { rules, of_each }
}

/// Whether a plugin wants to put rows under other resources.
#[doc(hidden)]
pub fn groups_rows<P: Grouper>(plugin: Option<&P>) -> bool {
    plugin.is_some_and(P::groups_rows)
}

/// Where a plugin has the rows of the last batch go.
#[doc(hidden)]
pub fn group<P: Grouper>(plugin: Option<&mut P>) -> grouper_wit::Groups {
    wire_groups(plugin.map(P::group).unwrap_or_default())
}

/// What a plugin says it is.
#[doc(hidden)]
pub fn describe<P: About>() -> about_wit::Description {
    about_wit::Description {
        name: P::NAME.to_owned(),
        version: P::VERSION.to_owned(),
        summary: P::SUMMARY.to_owned(),
        settings_schema: P::SETTINGS_SCHEMA.to_owned(),
    }
}

/// What a plugin knows, and in which format. One that is not configured knows nothing yet.
#[doc(hidden)]
pub fn take_snapshot<P: State>(plugin: Option<&P>) -> state_wit::SavedState {
    state_wit::SavedState {
        format: P::FORMAT,
        data: plugin.map_or_else(Vec::new, State::snapshot),
    }
}

/// A saved state handed to a plugin.
#[doc(hidden)]
pub fn restore<P: State>(
    plugin: Option<&mut P>,
    saved: state_wit::SavedState,
) -> Result<(), state_wit::RestoreError> {
    let plugin = plugin.ok_or_else(|| restore_error(RestoreError::data("not configured")))?;
    let restored = plugin.restore(saved.format, &saved.data);
    restored.map_err(restore_error)
}
