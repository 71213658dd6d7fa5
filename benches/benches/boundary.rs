//! The price of the boundary: an empty call, and each kind of column, by rows.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use spanmill_benches::{Contestant, machine, race, reference, spans};
use spanmill_otlp::{Projection, Request, Signal, StageContract, Workspace};
use spanmill_runtime::{Limits, Runtime, RuntimeConfig, Slot, Tries};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const COLUMNS: [(&str, &str); 8] = [
    ("nothing (tables and parents)", "[]"),
    ("narrow: span.kind", r#"["span.kind"]"#),
    (
        "wide: span.start_time_unix_nano",
        r#"["span.start_time_unix_nano"]"#,
    ),
    ("trace-id: span.trace_id", r#"["span.trace_id"]"#),
    ("text: span.name", r#"["span.name"]"#),
    (
        "text, by key: http.route",
        r#"["span.attributes[\"http.route\"]"]"#,
    ),
    (
        "cells, by key: http.response.status_code",
        r#"["span.attributes[\"http.response.status_code\"]"]"#,
    ),
    ("attributes: all of 10 to 12", r#"["span.attributes"]"#),
];

const ROWS: [usize; 4] = [10, 100, 1000, 8192];

fn main() -> Result<()> {
    let runtime = Runtime::new(RuntimeConfig::default())?;
    let probe = reference::plugin_folder().join("../bench/probe.wasm");
    let plugin = runtime
        .load_file(&probe)
        .context("run `make bench-guests` first")?;
    println!(
        "boundary: CPU ns a call, what the host does to show the columns included; {}",
        machine()
    );
    println!("| column | 10 rows | 100 | 1,000 | 8,192 | ns a row at 1,000 |");
    println!("|---|---|---|---|---|---|");
    let mut answers = COLUMNS
        .map(|(name, reads)| (name, format!(r#"{{"reads": {reads}}}"#)))
        .to_vec();
    answers.push((
        "a verdict for every span",
        r#"{"reads": [], "verdicts": true}"#.to_owned(),
    ));
    for (name, settings) in &answers {
        let mut rows = Vec::new();
        for count in ROWS {
            let mut slot = Slot::new(&plugin, "probe", settings, Limits::default())?;
            let contract = StageContract::parse(&slot.declared().reads, &[])?;
            let mut workspace = Workspace::new(Arc::new(Projection::new(vec![contract], &[])?));
            workspace.load(Request::parse(Signal::Traces, spans::encoded(count, 1))?, 1)?;
            let mut call = [Contestant::new(*name, || {
                let view = workspace.view(0).expect("a stage");
                black_box(
                    slot.process(&view, Tries::Again)
                        .expect("the probe answers"),
                );
            })];
            rows.extend(race(&mut call, 7, Duration::from_millis(30)));
        }
        let ns: Vec<f64> = rows.iter().map(|time| time.as_nanos() as f64).collect();
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} |",
            ns[0],
            ns[1],
            ns[2],
            ns[3],
            ns[2] / 1000.0
        );
    }
    Ok(())
}
