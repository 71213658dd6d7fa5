//! What a plugin may call: the host's log, and counters. Natively the test kit records it.

use crate::guest::worlds::processor_world::spanmill::plugin::{counters, log as log_wit};
use crate::level::Level;
#[cfg(not(target_family = "wasm"))]
use crate::recorded;

/// Writes a line to the host's log. No attribute value may stand in it. Natively only the test kit sees it.
pub fn log(level: Level, message: &str) {
    if cfg!(target_family = "wasm") {
        let level = match level {
            Level::Debug => log_wit::Level::Debug,
            Level::Info => log_wit::Level::Info,
            Level::Warn => log_wit::Level::Warn,
            Level::Error => log_wit::Level::Error,
        };
        log_wit::log(level, message);
    } else {
        #[cfg(not(target_family = "wasm"))]
        recorded::record_log(level, message);
    }
}

/// Adds to one of the plugin's own counters. Natively only the test kit sees it.
pub(crate) fn count(name: &str, delta: u64) {
    if cfg!(target_family = "wasm") {
        counters::count(name, delta);
    } else {
        #[cfg(not(target_family = "wasm"))]
        recorded::record_count(name, delta);
    }
}
