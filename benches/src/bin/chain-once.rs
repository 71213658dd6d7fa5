//! The reference chain a number of times in one thread, to be looked at by a profiler or an instruction counter:
//! `chain-once SPANS literal|regex|index|extract TIMES [STAGES]`. Prints nothing but what it ran.
//!
//! Everything comes twice: first to warm, then in `counted`, which is what `bench-check` has callgrind look at.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use spanmill::pipeline::Origin;
use spanmill_benches::reference::{self, Patterns};
use spanmill_benches::spans;
use spanmill_otlp::{Batch, Projection, Signal, Workspace};
use spanmill_runtime::{CacheConfig, Limits, Runtime, RuntimeConfig, Tries};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Under valgrind a call takes fifty times as long.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().context("how many spans?")?.parse()?;
    let what = arguments.next().context("what?")?;
    let times: usize = arguments.next().context("how often?")?.parse()?;
    let stages = arguments.next().map(|number| number.parse()).transpose()?;
    let mut run: Box<dyn FnMut(Bytes) -> usize> = match what.as_str() {
        "index" => Box::new(|bytes| parsed(bytes).item_count()),
        "extract" => {
            let projection = Projection::new(reference::declared()?, &[])?;
            let mut workspace = Workspace::new(Arc::new(projection));
            Box::new(move |bytes| {
                let batch = parsed(bytes);
                for part in batch.parts() {
                    workspace.load(part.clone(), 1).expect("own batch");
                }
                batch.item_count()
            })
        }
        "literal" => chain(Patterns::Literal, stages)?,
        "regex" => chain(Patterns::Regex, stages)?,
        _ => anyhow::bail!("`{what}` is none of literal, regex, index and extract"),
    };
    let batches: Vec<_> = (0..8).map(|seed| spans::encoded(count, seed)).collect();
    // In the first round series are named and memory grows.
    for bytes in batches.iter().chain(&batches) {
        run(bytes.clone());
    }
    let kept = counted(&mut *run, &batches, times);
    println!("{times} batches of {count} spans: {kept} spans left");
    Ok(())
}

/// A function of its own, by this name: the counter starts where it begins and stops where it ends.
#[inline(never)]
fn counted(run: &mut dyn FnMut(Bytes) -> usize, batches: &[Bytes], times: usize) -> usize {
    let mut kept = 0;
    for bytes in batches.iter().cycle().take(times) {
        kept += run(bytes.clone());
    }
    black_box(kept)
}

fn parsed(bytes: Bytes) -> Batch {
    Batch::parse(Signal::Traces, bytes).expect("own batch")
}

/// The chain, or its first stages.
fn chain(patterns: Patterns, stages: Option<usize>) -> Result<Box<dyn FnMut(Bytes) -> usize>> {
    let mut all = reference::stages(patterns);
    all.truncate(stages.unwrap_or(all.len()));
    // Compiling is not what is looked at.
    let runtime = Runtime::new(RuntimeConfig {
        cache: std::env::var_os("SPANMILL_CACHE").map(|folder| CacheConfig::new(folder.into())),
        ..RuntimeConfig::default()
    })?;
    let limits = Limits {
        timeout: PATIENCE,
        ..Limits::default()
    };
    let mut chain = reference::sandboxed_within(&runtime, &all, limits)?;
    Ok(Box::new(move |bytes| {
        let output = chain
            .run(&parsed(bytes), 1, Tries::Again, Origin::Sender)
            .expect("chain runs");
        output
            .measured
            .into_iter()
            .for_each(|measured| measured.commit());
        output.spliced.items
    }))
}
