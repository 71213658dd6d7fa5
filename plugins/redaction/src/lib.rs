//! The redaction processor: removes attributes that are not allowed, and masks what must not be seen in attributes and
//! log bodies.
//!
//! Settings, order of rules and the summary it leaves are those of the Collector's `redaction`.

mod body;
mod keys;
mod mask;
mod memo;
mod names;
mod redaction;
mod sanitize;
mod settings;
mod summary;

pub use redaction::Redaction;

impl spanmill_sdk::About for Redaction {
    const NAME: &'static str = "redaction";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(Redaction, about);

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
