//! A chain a number of times in one thread, to be looked at by a profiler or an instruction counter:
//! `chain-once ITEMS literal|regex|processors|transform|index|extract TIMES [traces|logs|metrics] [STAGES]`. `literal` and `regex` are
//! the reference chain, for spans only; STAGES takes the first stages of a chain, or the first of `transform`'s statements. With
//! `NATIVE` set, `transform` runs without its sandbox, so that a profiler sees its functions. Prints nothing but what it ran.
//!
//! Everything comes twice: first to warm, then in `counted`, which is what `bench-check` has callgrind look at.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use spanmill::bench::Origin;
use spanmill_benches::native::processor;
use spanmill_benches::reference::{self, Patterns};
use spanmill_benches::signals;
use spanmill_otlp::{Batch, Projection, Signal, StageContract, Workspace};
use spanmill_runtime::native::{Configure, register};
use spanmill_runtime::{CacheConfig, Limits, Runtime, RuntimeConfig, Tries};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Under valgrind a call takes fifty times as long.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() -> Result<()> {
    if std::env::var_os("NATIVE").is_some() {
        register([(
            "transform",
            processor::<spanmill_transform::Transform> as Configure,
        )]);
    }
    let mut arguments = std::env::args().skip(1);
    let count: usize = arguments.next().context("how many items?")?.parse()?;
    let what = arguments.next().context("what?")?;
    let times: usize = arguments.next().context("how often?")?.parse()?;
    let mut more = arguments.next();
    let named = |signal: &Signal| more.as_deref() == Some(signal.name());
    let signal = match Signal::ALL.into_iter().find(named) {
        Some(signal) => {
            more = arguments.next();
            signal
        }
        None => Signal::Traces,
    };
    let stages = more.map(|number| number.parse()).transpose()?;
    let mut run: Box<dyn FnMut(Bytes) -> usize> = match what.as_str() {
        "index" => Box::new(move |bytes| parsed(signal, bytes).item_count()),
        "extract" => {
            let projection = Projection::new(declared(signal)?, &[])?;
            let mut workspace = Workspace::new(Arc::new(projection));
            Box::new(move |bytes| {
                let batch = parsed(signal, bytes);
                for part in batch.parts() {
                    workspace.load(part.clone(), 1).expect("own batch");
                }
                batch.item_count()
            })
        }
        "literal" => chain(signal, reference::stages(Patterns::Literal), stages)?,
        "regex" => chain(signal, reference::stages(Patterns::Regex), stages)?,
        "processors" => chain(signal, reference::processors(signal), stages)?,
        "transform" => {
            let statements = &reference::STATEMENTS;
            let first = statements.get(..stages.unwrap_or(statements.len()));
            let first = first.context("so many statements there are not")?;
            chain(signal, reference::transform(first), None)?
        }
        _ => anyhow::bail!(
            "`{what}` is none of literal, regex, processors, transform, index and extract"
        ),
    };
    let batches = (0..8).map(|seed| signals::encoded(signal, count, seed));
    let batches: Vec<_> = batches.collect();
    // In the first round series are named and memory grows.
    for bytes in batches.iter().chain(&batches) {
        run(bytes.clone());
    }
    let kept = counted(&mut *run, &batches, times);
    println!(
        "{times} batches of {count} {items}: {kept} left",
        items = signal.items()
    );
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

fn parsed(signal: Signal, bytes: Bytes) -> Batch {
    Batch::parse(signal, bytes).expect("own batch")
}

/// What stages read and write; of logs and metrics what a processor usually does.
fn declared(signal: Signal) -> Result<Vec<StageContract>> {
    let (reads, writes): (&[&str], _) = match signal {
        Signal::Traces => return reference::declared(),
        Signal::Logs => (
            &[
                "resource.attributes",
                "log.attributes",
                "log.body",
                "log.severity_number",
            ],
            ["log.attributes", "log.body"],
        ),
        Signal::Metrics => (
            &[
                "resource.attributes",
                "metric.name",
                "datapoint.attributes",
                "datapoint.value",
            ],
            ["datapoint.attributes", "metric.name"],
        ),
    };
    let owned = |paths: &[&str]| -> Vec<String> { paths.iter().map(|&path| path.into()).collect() };
    Ok(vec![StageContract::parse(&owned(reads), &owned(&writes))?])
}

/// A chain, or its first stages.
fn chain(
    signal: Signal,
    mut all: Vec<(&'static str, String)>,
    stages: Option<usize>,
) -> Result<Box<dyn FnMut(Bytes) -> usize>> {
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
            .run(&parsed(signal, bytes), 1, Tries::Again, Origin::Sender, &())
            .expect("chain runs");
        output
            .measured
            .into_iter()
            .for_each(|measured| measured.commit());
        output.spliced.items
    }))
}
