//! What settings of the Collector's components share.

mod duration;
#[cfg(feature = "schema")]
mod rows;
#[cfg(feature = "schema")]
mod table;

pub use duration::{Duration, parse_duration};
#[cfg(feature = "schema")]
pub use table::check_table;
