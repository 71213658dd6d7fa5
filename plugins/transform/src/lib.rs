//! The transform processor: changes telemetry by OTTL statements.
//!
//! Settings, defaults and rules are those of the Collector's `transform`; see the README for what is not supported. The
//! language is `spanmill-ottl`'s.

mod settings;
mod transform;

pub use transform::Transform;

impl spanmill_sdk::About for Transform {
    const NAME: &'static str = "transform";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(Transform, about);

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
