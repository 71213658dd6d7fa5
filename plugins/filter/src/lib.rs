//! The filter processor: drops spans and span events for which a condition holds.
//!
//! Settings, defaults and rules are those of the Collector's `filter`; see the README for what is not there yet.

mod filter;
mod settings;

pub use filter::Filter;

spanmill_sdk::register_processor!(Filter);
