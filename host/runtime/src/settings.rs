//! The settings of every engine: how code is compiled, and so which code an engine takes.

use wasmtime::Config;
#[cfg(feature = "compiler")]
use wasmtime::Engine;

#[cfg(feature = "compiler")]
use crate::target::CodeTarget;
use crate::target::PluginMemory;

/// The largest plugin file.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The engine's settings that code depends on; to be changed with [`config`], as code of other settings is refused by it.
pub(crate) const SETTINGS: &str = "wasmtime 48 with epochs and 512 KiB of stack";

/// The settings of every engine; [`SETTINGS`] names them.
pub(crate) fn config(memory: PluginMemory) -> Config {
    let mut config = Config::new();
    config.epoch_interruption(true);
    config.concurrency_support(false);
    // A backtrace of a guest says where it stood, and can be had only while a trap is handled.
    config.wasm_backtrace_max_frames(std::num::NonZeroUsize::new(8));
    // And its memory, in which an interpreter says where its script stood. It is not copied: the dump only names it.
    config.coredump_on_trap(true);
    config.max_wasm_stack(512 * 1024);
    // Places are told by function; the offsets within, and tables for native unwinders, would be a third of the code.
    config.generate_address_map(false);
    config.native_unwind_info(false);
    memory.configure(&mut config);
    config
}

/// An engine that compiles for a target.
#[cfg(feature = "compiler")]
pub(crate) fn compiling_engine(target: CodeTarget) -> wasmtime::Result<Engine> {
    let mut config = config(target.memory);
    if let Some(machine) = target.machine {
        config.target(machine.triple())?;
        for flag in machine.flags() {
            // SAFETY: the flag has the compiler use instructions; whether a machine has them is looked at before code is loaded there.
            #[allow(unsafe_code)]
            unsafe {
                config.cranelift_flag_enable(flag);
            }
        }
    }
    Engine::new(&config)
}
