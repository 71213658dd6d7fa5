//! What goes wrong for a while, again and again, or once: episodes and throttled lines for the log, and panics that cost no
//! more than the request that caused them.

pub mod episode;
pub mod panics;
