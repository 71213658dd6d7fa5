//! Connectors' metrics: plugins say what they measured, [`Totals`] keep what it adds up to.
//!
//! So a total goes on when a plugin crashes, is replaced, or runs on several workers. What a batch measured
//! counts only once the batch itself was delivered ([`Measured::commit`]), so that a batch sent again
//! after a refusal is not counted twice.

mod buckets;
mod exponential;
mod flush;
mod measurements;
mod point;
mod recorder;
mod series;
#[cfg(test)]
mod tests;
mod totals;

pub use flush::flush_regularly;
pub use recorder::{Measured, Recorder};
pub use totals::Totals;
