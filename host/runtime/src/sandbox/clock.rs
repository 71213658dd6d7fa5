//! Clocks that stand still: time reaches a plugin as an argument, or a replay would not be exact.

use std::time::Duration;

use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// Always 0.
pub(super) struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        0
    }
}
