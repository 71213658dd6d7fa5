//! The reference chain in one process: CPU ns a span, sandboxed, native, and beside prost.

use std::hint::black_box;
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use spanmill::bench::Origin;
use spanmill_benches::reference::{self, Native, Patterns};
use spanmill_benches::{Contestant, machine, race, spans};
use spanmill_otlp::{Batch, Projection, Request, Signal, StageContract, Workspace};
use spanmill_runtime::{Runtime, RuntimeConfig, Tries};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let runtime = Runtime::new(RuntimeConfig::default())?;
    println!("chain: CPU ns a span; {}", machine());
    println!(
        "| spans a batch | redaction | prost decode + encode | index | chain, sandboxed | chain, native | sandboxed / prost | sandboxed / native |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for count in [10, 100, 1000, 8192] {
        for patterns in [Patterns::Literal, Patterns::Regex] {
            row(&runtime, count, patterns)?;
        }
    }
    stages(&runtime)
}

fn row(runtime: &Runtime, count: usize, patterns: Patterns) -> Result<()> {
    let batches: Vec<Bytes> = (0..8).map(|seed| spans::encoded(count, seed)).collect();
    let stages = reference::stages(patterns);
    let mut sandboxed = reference::sandboxed(runtime, &stages)?;
    let mut native = Native::new(patterns)?;
    // The same output first, or the times mean nothing.
    for bytes in &batches {
        let batch = Batch::parse(Signal::Traces, bytes.clone())?;
        let ours = sandboxed
            .run(&batch, 1, Tries::Again, Origin::Sender, &())
            .map_err(|failed| anyhow::anyhow!("{failed:?}"))?;
        let theirs = native.run(&batch)?;
        ensure!(
            ours.spliced.bytes == theirs.bytes,
            "sandboxed and native chains differ"
        );
        ensure!(
            ours.spliced.items * 10 < count * 8 || count < 100,
            "nothing was dropped"
        );
    }
    let (mut for_prost, mut for_index) = (cycle(&batches), cycle(&batches));
    let (mut for_sandboxed, mut for_native) = (cycle(&batches), cycle(&batches));
    let times = race(
        &mut [
            Contestant::new("prost", || {
                let request = ExportTraceServiceRequest::decode(for_prost()).expect("own batch");
                black_box(request.encode_to_vec());
            }),
            Contestant::new("index", || {
                black_box(Batch::parse(Signal::Traces, for_index()).expect("own batch"));
            }),
            Contestant::new("sandboxed", || {
                let batch = Batch::parse(Signal::Traces, for_sandboxed()).expect("own batch");
                let output = sandboxed
                    .run(&batch, 1, Tries::Again, Origin::Sender, &())
                    .expect("chain runs");
                output
                    .measured
                    .into_iter()
                    .for_each(|measured| measured.commit());
                black_box(output.spliced);
            }),
            Contestant::new("native", || {
                let batch = Batch::parse(Signal::Traces, for_native()).expect("own batch");
                black_box(native.run(&batch).expect("chain runs"));
            }),
        ],
        11,
        Duration::from_millis(100),
    );
    let per_span: Vec<f64> = times
        .iter()
        .map(|time| time.as_nanos() as f64 / count as f64)
        .collect();
    let [prost, index, ours, natively] = per_span[..] else {
        unreachable!()
    };
    println!(
        "| {count} | {patterns:?} | {prost:.0} | {index:.0} | {ours:.0} | {natively:.0} | {:.2} | {:.2} |",
        ours / prost,
        ours / natively
    );
    Ok(())
}

/// Walks over the batches, round and round.
fn cycle(batches: &[Bytes]) -> impl FnMut() -> Bytes {
    let batches = batches.to_vec();
    let mut turn = 0;
    move || {
        turn = (turn + 1) % batches.len();
        batches[turn].clone()
    }
}

/// What each step of the chain adds, at 1,000 spans a batch.
fn stages(runtime: &Runtime) -> Result<()> {
    let bytes = spans::encoded(1000, 1);
    let all = reference::stages(Patterns::Regex);
    println!("\nThe chain cut short, 1,000 spans a batch (regular expressions):");
    println!("| up to | ns a span |");
    println!("|---|---|");
    let none = Projection::new(vec![StageContract::default()], &[])?;
    let mut empty = Workspace::new(std::sync::Arc::new(none));
    let mut chains = Vec::new();
    for count in 1..=all.len() {
        chains.push((
            all[count - 1].0,
            reference::sandboxed(runtime, &all[..count])?,
        ));
    }
    let mut contestants = vec![Contestant::new("index and splice, no plugin", || {
        empty
            .load(
                Request::parse(Signal::Traces, bytes.clone()).expect("own batch"),
                1,
            )
            .expect("own batch");
        black_box(empty.splice());
    })];
    for (name, chain) in &mut chains {
        let bytes = bytes.clone();
        contestants.push(Contestant::new(*name, move || {
            let batch = Batch::parse(Signal::Traces, bytes.clone()).expect("own batch");
            black_box(
                chain
                    .run(&batch, 1, Tries::Again, Origin::Sender, &())
                    .expect("chain runs")
                    .spliced,
            );
        }));
    }
    let names: Vec<String> = contestants
        .iter()
        .map(|contestant| contestant.name.clone())
        .collect();
    for (name, time) in names
        .iter()
        .zip(race(&mut contestants, 11, Duration::from_millis(60)))
    {
        println!("| {name} | {:.0} |", time.as_nanos() as f64 / 1000.0);
    }
    Ok(())
}
