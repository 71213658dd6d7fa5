//! The compiler's process, from the inside: it limits itself before it looks at a byte of what it is to compile.

use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, Signal, nice, setrlimit};

use crate::settings::{MAX_BYTES, compiling_engine};
use crate::target::CodeTarget;

/// A plugin on stdin, its code on stdout; what is wrong with it is returned. To be called at the program's very start.
pub fn compile_child(memory_mib: u64, cpu: Duration, target: CodeTarget) -> Result<(), String> {
    limit(memory_mib, cpu).map_err(|error| format!("the compiler cannot be limited: {error}"))?;
    let mut wasm = Vec::new();
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    io::stdin()
        .lock()
        .take(most)
        .read_to_end(&mut wasm)
        .map_err(|error| error.to_string())?;
    let code = compiling_engine(target)
        .and_then(|engine| engine.precompile_component(&wasm))
        .map_err(|error| format!("{error:#}"))?;
    let mut out = io::stdout().lock();
    out.write_all(&code)
        .and_then(|()| out.flush())
        .map_err(|error| error.to_string())
}

fn limit(memory_mib: u64, cpu: Duration) -> io::Result<()> {
    // Whoever started this may be killed.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let set = |resource, most: u64| {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)
    };
    let memory = memory_mib.saturating_mul(1024 * 1024);
    set(Resource::As, mapped().saturating_add(memory))?;
    set(Resource::Cpu, cpu.as_secs().max(1))?;
    set(Resource::Core, 0)?;
    // Files; pipes are not meant.
    set(Resource::Fsize, 0)?;
    // Telemetry comes first.
    let _ = nice(10);
    Ok(())
}

/// Bytes of address space that the program itself takes, mostly reserved by its allocator and never used.
fn mapped() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').next().and_then(|pages| pages.parse().ok());
    let page = u64::try_from(rustix::param::page_size()).unwrap_or(4096);
    pages.unwrap_or(0u64).saturating_mul(page)
}
