//! The reference chain a number of times in one thread, to be looked at by a profiler or an instruction counter:
//! `chain-once SPANS literal|regex TIMES [STAGES]`. Prints nothing but what it ran.

use anyhow::{Context as _, Result};
use spanmill_benches::reference::{self, Patterns};
use spanmill_benches::spans;
use spanmill_otlp::Request;
use spanmill_runtime::{Runtime, RuntimeConfig, Tries};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().context("how many spans?")?.parse()?;
    let patterns = match arguments.next().as_deref() {
        Some("literal") => Patterns::Literal,
        _ => Patterns::Regex,
    };
    let times: usize = arguments.next().context("how often?")?.parse()?;
    let mut stages = reference::stages(patterns);
    if let Some(number) = arguments.next() {
        stages.truncate(number.parse()?);
    }
    // Compiling is not what is looked at.
    let runtime = Runtime::new(RuntimeConfig {
        cache: std::env::var_os("SPANMILL_CACHE").map(Into::into),
    })?;
    let mut chain = reference::sandboxed(&runtime, &stages)?;
    let batches: Vec<_> = (0..8).map(|seed| spans::encoded(count, seed)).collect();
    let mut kept = 0;
    for bytes in batches.iter().cycle().take(times) {
        let request = Request::parse(bytes.clone())?;
        let output = chain
            .run(request, 1, Tries::Again)
            .map_err(|failed| anyhow::anyhow!("{failed:?}"))?;
        kept += output.spliced.spans;
        output
            .measured
            .into_iter()
            .for_each(|measured| measured.commit());
    }
    println!("{times} batches of {count} spans: {kept} spans left");
    Ok(())
}
