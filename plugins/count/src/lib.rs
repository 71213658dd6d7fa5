//! Counts spans, span events, log records, metrics and data points, as the OpenTelemetry Collector's `count` connector does.

mod count;
mod dimensions;
mod settings;

pub use count::Count;
pub use settings::Settings;

impl spanmill_sdk::About for Count {
    const NAME: &'static str = "count";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Counts spans, span events, log records, metrics and data points";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_connector!(Count, about);
