//! What settings of the Collector's components share.

mod duration;

pub use duration::{Duration, parse_duration};
