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
    spanmill_settings::settings_tests!(super::settings::Settings);
}
