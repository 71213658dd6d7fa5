//! Pre-encoded batches of log records and of data points, as SDKs and the Collector's host metrics send them.

mod logs;
mod metrics;

use bytes::Bytes;
use spanmill_otlp::Signal;

pub use logs::logs;
pub use metrics::metrics;

use crate::spans;

/// A batch of `count` spans, log records or data points, the same for the same `seed`.
pub fn encoded(signal: Signal, count: usize, seed: u64) -> Bytes {
    match signal {
        Signal::Traces => spans::encoded(count, seed),
        Signal::Logs => logs(count, seed),
        Signal::Metrics => metrics(count, seed),
    }
}
