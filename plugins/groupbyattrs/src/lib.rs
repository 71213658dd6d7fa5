//! Puts spans, log records and data points under resources that have the values of named attributes, and together what has
//! equal resources and scopes.
//!
//! Settings and defaults are those of the Collector's `groupbyattrs`. The host moves the rows; the plugin says where to.

mod grouping;
mod settings;

pub use grouping::GroupByAttrs;

impl spanmill_sdk::About for GroupByAttrs {
    const NAME: &'static str = "groupbyattrs";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(GroupByAttrs, grouper, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings);
}
