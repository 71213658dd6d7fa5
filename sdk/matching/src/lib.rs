//! The Collector's `include` and `exclude`: which spans, log records and metrics a processor is meant for.
//!
//! The `attributes` and `span` processors share them.

mod filter;
mod matcher;
mod settings;

pub use filter::Filter;
pub use settings::Match;
