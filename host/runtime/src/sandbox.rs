//! What surrounds a guest: WASI with nothing granted but the environment that the manifest gives it, a limit on its memory, its log lines and its counters.
//!
//! Texts that it hands over are not copied before it is known that they are wanted: one may have many megabytes.

pub(crate) mod call_clock;
pub(crate) mod clock;
mod counters;
pub(crate) mod io;
mod lines;
mod output;

use std::sync::Arc;

use wasmtime::component::{Linker, WasmStr};
use wasmtime::{AsContext as _, ResourceLimiter, StoreContextMut};
use wasmtime_wasi::random::Deterministic;
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::abi::v0_1::bindings::spanmill::plugin::log;
use crate::abi::v0_1::{COUNTERS, LOG};
use call_clock::CallClock;
use counters::Counters;
use lines::{Level, Lines};

/// Handles of streams and the like that a guest may hold: they live in the host's memory.
const HANDLES: usize = 256;

/// The host's side of one instance.
pub(crate) struct Guest {
    wasi: WasiCtx,
    table: ResourceTable,
    lines: Arc<Lines>,
    pub(crate) memory: MemoryLimit,
    pub(crate) counters: Counters,
    /// The time of the call under way.
    pub(crate) clock: CallClock,
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
    pub(crate) fn new(
        component: &str,
        memory_bytes: usize,
        environment: &[(String, String)],
    ) -> Self {
        let lines = Arc::new(Lines::new(component));
        // The same bytes each time: replays are exact, and Rust's hash maps need some.
        let fixed = || Deterministic::new((1..=64).collect());
        let wasi = WasiCtxBuilder::new()
            .stdout(output::Output::new(&lines, Level::Info))
            .stderr(output::Output::new(&lines, Level::Warn))
            .secure_random(fixed())
            .insecure_random(fixed())
            .insecure_random_seed(0x5eed)
            .envs(environment)
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
            counters: Counters::new(component),
            clock: CallClock::default(),
        }
    }

    /// Log lines that were too many, since this was last asked.
    pub(crate) fn take_dropped_lines(&self) -> u64 {
        self.lines.take_dropped()
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

/// Links what a plugin may call besides WASI.
pub(crate) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    let log = |store: StoreContextMut<'_, Guest>, (level, message): (log::Level, WasmStr)| {
        let lines = &store.data().lines;
        if lines.has_room() {
            lines.write(of(level), &message.to_str(store.as_context())?);
        }
        Ok(())
    };
    linker.instance(LOG)?.func_wrap("log", log)?;
    let count = |mut store: StoreContextMut<'_, Guest>, (name, delta): (WasmStr, u64)| {
        if !store.data().counters.are_open() {
            return Ok(());
        }
        let text = name.to_str(store.as_context())?;
        match store.data().counters.find(&text) {
            Some(at) => store.data_mut().counters.add(at, delta),
            None => {
                // No more of it than shows that it is too long.
                let text: String = text.chars().take(129).collect();
                store.data_mut().counters.unknown(&text, delta);
            }
        }
        Ok(())
    };
    linker.instance(COUNTERS)?.func_wrap("count", count)
}

fn of(level: log::Level) -> Level {
    match level {
        log::Level::Debug => Level::Debug,
        log::Level::Info => Level::Info,
        log::Level::Warn => Level::Warn,
        log::Level::Error => Level::Error,
    }
}
