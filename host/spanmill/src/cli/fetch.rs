//! `spanmill fetch-plugin`: the process that speaks to servers, from the inside. It limits itself before it reads a byte.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use spanmill_distribution::{FetchRequest, download};

use super::output::Failure;

/// Memory for the largest plugin, as it is read and as it is written, beyond what the process has reserved already.
const MEMORY: u64 = 768 * 1024 * 1024;

/// A request on stdin, a plugin on stdout.
pub(super) fn fetch() -> Result<(), Failure> {
    // Whoever started this may be killed.
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    limit()?;
    let request: FetchRequest = serde_json::from_reader(io::stdin().lock())?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let fetched = runtime.block_on(download(&request));
    // Looking up a name cannot be called off, and nobody waits for it.
    runtime.shutdown_timeout(Duration::ZERO);
    // Where it should be, the one who asked says.
    let fetched = fetched.map_err(|error| Failure(format!("error: {}", error.why())))?;
    fetched.write(io::stdout().lock())?;
    Ok(())
}

/// Limits this process, whose libraries hold whatever a server sends.
pub(super) fn limit() -> io::Result<()> {
    let set = |resource, most: u64| {
        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        setrlimit(resource, limit)
    };
    set(Resource::Data, reserved().saturating_add(MEMORY))?;
    set(Resource::Core, 0)?;
    Ok(())
}

/// What counts against the limit already: the allocator reserves memory ahead, in most processes more than is granted here.
fn reserved() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let data = pages.split_whitespace().nth(5);
    let data = data.and_then(|pages| pages.parse::<u64>().ok());
    let page = rustix::param::page_size() as u64;
    data.unwrap_or(0).saturating_mul(page)
}
