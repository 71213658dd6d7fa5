//! Holds the spans of each trace for a while, so that they go on together.
//!
//! Settings and defaults are those of the Collector's `groupbytrace`. The spans are held in the host; the plugin keeps the
//! trace ids, in the order they came.

mod groups;
mod settings;

pub use groups::GroupByTrace;

impl spanmill_sdk::About for GroupByTrace {
    const NAME: &'static str = "groupbytrace";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(GroupByTrace, state, ticker, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings);
}
