//! The work on bytes alone, without plugins: checking, extracting, editing and splicing; CPU ns a span, and as
//! parts of what prost takes to decode and encode the same batch.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use spanmill_benches::{Contestant, machine, race, reference, spans};
use spanmill_otlp::{
    BatchView, Context, Outcome, Projection, Replacement, Request, Signal, StageContract, Verdicts,
    Workspace,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const THREE: &[&str] = &[
    "span.attributes[\"http.route\"]",
    "span.attributes[\"user.id\"]",
    "span.attributes[\"db.system\"]",
];
const ALL: &[&str] = &["resource.attributes", "span.attributes"];

/// One stage that reads and writes these fields.
fn stage(reads: &[&str], writes: &[&str]) -> Result<Vec<StageContract>> {
    let owned = |paths: &[&str]| -> Vec<String> { paths.iter().map(|&path| path.into()).collect() };
    Ok(vec![StageContract::parse(&owned(reads), &owned(writes))?])
}

fn workspace(stages: Vec<StageContract>) -> Result<Workspace> {
    let projection = Projection::new(stages, &[])?;
    Ok(Workspace::new(Arc::new(projection)))
}

/// Drops every other span, more or less.
fn half(view: &BatchView<'_>) -> Outcome {
    let spans = view
        .tables
        .iter()
        .find(|table| table.context == Context::Span);
    let rows = 0..spans.map_or(0, |table| table.rows);
    let verdicts = Verdicts {
        context: Context::Span,
        rows: rows
            .map(|row| (row.wrapping_mul(0x9e37_79b9) >> 20 & 1) as u8)
            .collect(),
    };
    Outcome {
        verdicts: vec![verdicts],
        ..Outcome::default()
    }
}

/// Masks the texts with an `@`, about one span in three.
fn mask(view: &BatchView<'_>) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut old, mut start) = (Vec::new(), 0);
    for (text, &end) in (0u32..).zip(view.texts.ends) {
        if view.texts.bytes[start..end as usize].contains(&b'@') {
            old.push(text);
        }
        start = end as usize;
    }
    outcome.texts.bytes = b"****".to_vec();
    outcome.texts.ends = vec![4];
    outcome.replacements.push(Replacement {
        field: 1,
        new: vec![view.texts.ends.len() as u32; old.len()],
        old,
    });
    outcome
}

/// A run from parsed request to spliced bytes, with one stage's outcome if there is one.
fn through(
    stages: Vec<StageContract>,
    outcome: Option<fn(&BatchView<'_>) -> Outcome>,
) -> Result<impl FnMut(Request)> {
    let mut workspace = workspace(stages)?;
    Ok(move |request| {
        workspace.load(request, 1).expect("own batch");
        if let Some(outcome) = outcome {
            let outcome = outcome(&workspace.view(0).expect("a stage"));
            workspace.apply(0, &outcome).expect("own outcome");
        }
        black_box(workspace.splice());
    })
}

fn cycle<T: Clone>(items: &[T]) -> impl FnMut() -> T {
    let items = items.to_vec();
    let mut turn = 0;
    move || {
        turn = (turn + 1) % items.len();
        items[turn].clone()
    }
}

fn main() -> Result<()> {
    println!("otlp: CPU ns a span; {}", machine());
    println!("| spans a batch | step | ns a span | of prost |");
    println!("|---|---|---|---|");
    for count in [10, 100, 1000, 8192] {
        table(count)?;
    }
    Ok(())
}

fn table(count: usize) -> Result<()> {
    let batches: Vec<Bytes> = (0..8).map(|seed| spans::encoded(count, seed)).collect();
    let requests = batches
        .iter()
        .map(|bytes| Request::parse(Signal::Traces, bytes.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let (mut for_prost, mut for_parse) = (cycle(&batches), cycle(&batches));
    let mut contestants = vec![
        Contestant::new("prost decode + encode", || {
            let request = ExportTraceServiceRequest::decode(for_prost()).expect("own batch");
            black_box(request.encode_to_vec());
        }),
        Contestant::new("parse", || {
            black_box(Request::parse(Signal::Traces, for_parse()).expect("own batch"));
        }),
    ];
    for (name, stages) in [
        ("load, reference chain", reference::declared()?),
        ("load, three attributes", stage(THREE, &[])?),
        ("load, nothing", stage(&[], &[])?),
    ] {
        let (mut workspace, mut requests) = (workspace(stages)?, cycle(&requests));
        contestants.push(Contestant::new(name, move || {
            workspace.load(requests(), 1).expect("own batch");
        }));
    }
    for (name, stages, outcome) in [
        ("load and splice, nothing read", stage(&[], &[])?, None),
        (
            "the same, half dropped",
            stage(&[], &[])?,
            Some(half as fn(&BatchView<'_>) -> Outcome),
        ),
        (
            "load, mask and splice, all attributes",
            stage(ALL, ALL)?,
            Some(mask as fn(&BatchView<'_>) -> Outcome),
        ),
    ] {
        let (mut run, mut requests) = (through(stages, outcome)?, cycle(&requests));
        contestants.push(Contestant::new(name, move || run(requests())));
    }
    let names: Vec<String> = contestants
        .iter()
        .map(|contestant| contestant.name.clone())
        .collect();
    let times = race(&mut contestants, 11, Duration::from_millis(50));
    let prost = times.first().context("prost runs")?.as_nanos() as f64;
    for (name, time) in names.iter().zip(&times) {
        let time = time.as_nanos() as f64;
        println!(
            "| {count} | {name} | {:.0} | {:.3} |",
            time / count as f64,
            time / prost
        );
    }
    Ok(())
}
