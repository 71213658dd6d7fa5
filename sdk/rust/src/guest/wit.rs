//! Short names of the bindings' interfaces.

pub(crate) use super::worlds::connector_world::spanmill::plugin::metrics as metrics_wit;
pub(crate) use super::worlds::grouper_world::exports::spanmill::plugin::grouper as grouper_wit;
pub(crate) use super::worlds::processor_world::spanmill::plugin::{
    contract as contract_wit, telemetry,
};
pub(crate) use super::worlds::reasons_world::exports::spanmill::plugin::reasons as reasons_wit;
pub(crate) use super::worlds::record_connector_world::spanmill::plugin::records as records_wit;
pub(crate) use super::worlds::router_world::spanmill::plugin::routing as routing_wit;
pub(crate) use super::worlds::state_world::exports::spanmill::plugin::state as state_wit;
pub(crate) use super::worlds::ticker_world::exports::spanmill::plugin::ticker as ticker_wit;
