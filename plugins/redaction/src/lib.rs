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
    spanmill_settings::settings_tests!(super::settings::Settings);
}
