//! Clocks that stand still: time reaches a plugin as an argument, or a replay would not be exact.

use std::time::Duration;

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

use super::Guest;

/// As `wasmtime_wasi` links it.
const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock@0.2.12";

/// Makes a guest that wants to wait trap: it would keep a worker, and no deadline meets a guest while the host waits
/// on its behalf.
pub(crate) fn refuse_waiting(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Subscribed = wasmtime::Result<(Resource<DynPollable>,)>;
    let refuse = || -> Subscribed {
        Err(wasmtime::Error::msg(
            "it wants to wait for a time to come, which no plugin can: time reaches it as an argument",
        ))
    };
    linker.allow_shadowing(true);
    let mut clock = linker.instance(MONOTONIC_CLOCK)?;
    clock.func_wrap("subscribe-duration", move |_, (_,): (u64,)| refuse())?;
    clock.func_wrap("subscribe-instant", move |_, (_,): (u64,)| refuse())?;
    linker.allow_shadowing(false);
    Ok(())
}

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
