//! The service graph connector: pairs the spans of both sides of a request, and counts and times the requests between
//! services.
//!
//! Settings, metric names and attributes are those of the Collector's `service_graph`; the host keeps the totals.

mod connector;
mod edge;
mod fields;
mod handover;
mod series;
mod settings;
mod store;

pub use connector::ServiceGraph;

impl spanmill_sdk::About for ServiceGraph {
    const NAME: &'static str = "servicegraph";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_connector!(ServiceGraph, about, state);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings);
}
