//! The cardinality guard: keeps the number of distinct span names and attribute values bounded.
//!
//! Names become templates, by the looks of their segments and by what has been seen in their place; what is left of values
//! is limited. See the README for what is learned when.

mod answers;
mod classify;
mod guard;
mod handover;
mod hash;
mod process;
mod settings;
mod template;
mod trie;
mod values;

pub use process::CardinalityGuard;

impl spanmill_sdk::About for CardinalityGuard {
    const NAME: &'static str = "cardinality_guard";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = env!("CARGO_PKG_DESCRIPTION");
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");
}

spanmill_sdk::register_processor!(CardinalityGuard, state, about);

#[cfg(test)]
mod tests {
    spanmill_settings::settings_tests!(super::settings::Settings);
}
