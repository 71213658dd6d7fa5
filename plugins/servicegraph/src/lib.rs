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
