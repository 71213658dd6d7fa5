//! What surrounds a guest: WASI with nothing granted, a limit on its memory, and its log lines.

pub(crate) mod clock;
mod lines;
mod output;

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime::ResourceLimiter;
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::abi::v0_1::bindings::spanmill::plugin::{counters, log};
use lines::{Level, Lines};

/// Handles of streams and the like that a guest may hold: they live in the host's memory.
const HANDLES: usize = 256;

/// Counters a plugin may have.
const COUNTERS: usize = 64;

/// The host's side of one instance.
pub(crate) struct Guest {
    wasi: WasiCtx,
    table: ResourceTable,
    lines: Arc<Lines>,
    pub(crate) memory: MemoryLimit,
    pub(crate) counts: BTreeMap<String, u64>,
}

/// Memory that a guest may have, and has.
pub(crate) struct MemoryLimit {
    pub(crate) bytes: usize,
    pub(crate) used: usize,
    /// Whether more was asked for and refused.
    pub(crate) refused: bool,
}

impl Guest {
    /// `component` is the component id of the manifest, which log lines carry.
    pub(crate) fn new(component: &str, memory_bytes: usize) -> Self {
        let lines = Arc::new(Lines::new(component));
        // The same bytes each time: replays are exact, and Rust's hash maps need some.
        let fixed = || Deterministic::new((1..=64).collect());
        let wasi = WasiCtxBuilder::new()
            .stdout(output::Output::new(&lines, Level::Info))
            .stderr(output::Output::new(&lines, Level::Warn))
            .secure_random(fixed())
            .insecure_random(fixed())
            .insecure_random_seed(0x5eed)
            .wall_clock(clock::Stopped)
            .monotonic_clock(clock::Stopped)
            .allow_tcp(false)
            .allow_udp(false)
            .build();
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES);
        Guest {
            wasi,
            table,
            lines,
            memory: MemoryLimit {
                bytes: memory_bytes,
                used: 0,
                refused: false,
            },
            counts: BTreeMap::new(),
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let used = self.used.saturating_sub(current).saturating_add(desired);
        if used > self.bytes {
            self.refused = true;
            return Ok(false);
        }
        self.used = used;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= 100_000)
    }
}

impl log::Host for Guest {
    fn log(&mut self, level: log::Level, message: String) {
        let level = match level {
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        self.lines.write(level, &message);
    }
}

impl counters::Host for Guest {
    fn count(&mut self, name: String, delta: u64) {
        if let Some(total) = self.counts.get_mut(&name) {
            *total = total.saturating_add(delta);
        } else if self.counts.len() < COUNTERS && name.len() <= 128 {
            self.counts.insert(name, delta);
        }
    }
}
