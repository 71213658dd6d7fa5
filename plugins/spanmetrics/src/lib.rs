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
    #[test]
    fn the_schema_is_that_of_the_settings() {
        let schema = schemars::schema_for!(super::settings::Settings);
        spanmill_sdk::testing::check_schema(
            &serde_json::to_value(schema).unwrap(),
            include_str!("../settings.schema.json"),
            concat!(env!("CARGO_MANIFEST_DIR"), "/settings.schema.json"),
        );
    }

    #[test]
    fn the_readme_has_the_table_of_the_settings() {
        let schema = schemars::schema_for!(super::settings::Settings);
        spanmill_settings::check_table(
            &serde_json::to_value(schema).unwrap(),
            concat!(env!("CARGO_MANIFEST_DIR"), "/README.md"),
            &[],
        );
    }
}
