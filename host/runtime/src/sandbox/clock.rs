//! Clocks that stand still: time reaches a plugin as an argument, or a replay would not be exact. They do not stand
//! at zero, which some language runtimes take for a clock that is broken: Go's refuses to start.

use std::time::Duration;

use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// As `wasmtime_wasi` links it.
const MONOTONIC_CLOCK: &str = "wasi:clocks/monotonic-clock@0.2.12";

/// Makes a guest that wants to wait trap: it would occupy a worker, and no deadline ends a call while the host waits
/// on the guest's behalf.
pub(crate) fn refuse_waiting<T: 'static>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
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

/// 2020-01-01T00:00:00Z.
const WALL_CLOCK: Duration = Duration::from_secs(1_577_836_800);

/// One second.
const MONOTONIC: u64 = 1_000_000_000;

/// Both clocks, always at the same time.
pub(super) struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn now(&self) -> Duration {
        WALL_CLOCK
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1_000_000_000
    }

    fn now(&self) -> u64 {
        MONOTONIC
    }
}
