//! The filter processor: drops spans, span events, log records, metrics and data points for which a condition holds.
//!
//! Settings, defaults and rules are those of the Collector's `filter`; see the README for what is not supported.

mod filter;
mod reasons;
mod settings;

pub use filter::Filter;

impl spanmill_sdk::About for Filter {
    const NAME: &'static str = "filter";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(Filter, about, reasons);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings);
}
