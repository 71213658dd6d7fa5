//! The span metrics connector: counts spans and measures how long they took.
//!
//! Settings, metric names, attributes and adjusted counts are those of the Collector's `spanmetrics`; the
//! host keeps the totals.

mod adjusted;
mod connector;
mod dimensions;
mod globs;
mod resources;
mod series;
mod settings;
mod words;

pub use connector::SpanMetrics;

impl spanmill_sdk::About for SpanMetrics {
    const NAME: &'static str = "spanmetrics";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_connector!(SpanMetrics, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings);
}
