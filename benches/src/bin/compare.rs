//! Spanmill beside the Collector and a null proxy, with the same pipelines and settings: `make compare`.
//!
//! `COMPARE=full` takes all sizes, stages and wires; otherwise a few minutes are enough. `compare check` only checks
//! that outputs are equal.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use spanmill_benches::compare::batches::Batches;
use spanmill_benches::compare::check;
use spanmill_benches::compare::contestants::{Contestant, Home, Program};
use spanmill_benches::compare::measure::{Machine, Runner};
use spanmill_benches::compare::plan::{Group, Plan};
use spanmill_benches::compare::plot;
use spanmill_benches::compare::report::{self, Row};
use spanmill_benches::machine;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Metrics leave as often as they do by default.
const FLUSH: &str = "60s";
const WARM: Duration = Duration::from_secs(1);

#[tokio::main]
async fn main() -> Result<()> {
    // Contestants are killed as they are dropped, which a signal alone would not do.
    let mut terminated = signal(SignalKind::terminate())?;
    tokio::select! {
        done = compare() => done,
        _ = tokio::signal::ctrl_c() => bail!("interrupted"),
        _ = terminated.recv() => bail!("terminated"),
    }
}

async fn compare() -> Result<()> {
    let full = std::env::var("COMPARE").is_ok_and(|what| what == "full");
    let plan = if full { Plan::full() } else { Plan::quick() };
    let home = Home::new()?;
    let mut checks = Vec::new();
    for (pipeline, wire) in &plan.checks {
        let equal = check::equal(&home, *pipeline, *wire).await?;
        eprintln!("equal: {equal}");
        checks.push(equal);
    }
    if std::env::args().nth(1).is_some_and(|what| what == "check") {
        return Ok(());
    }
    let before = Machine::now()?;
    let mut rows = Vec::new();
    for group in &plan.groups {
        rows.extend(run(&home, group).await?);
    }
    let (others, stolen) = before.others()?;
    let mut text = format!(
        "{}: {}; {}; {}. Other processes kept {others:.2} cores busy meanwhile, the host of the machine {stolen:.2}.\n\n",
        report::today(),
        machine(),
        home.version(Program::Spanmill),
        home.version(Program::Collector),
    );
    let _ = writeln!(text, "{}", report::table(&rows));
    let _ = writeln!(text, "![CPU time a span](compare.svg)\n");
    text.push_str("Found equal before anything was timed:\n\n");
    for check in checks {
        let _ = writeln!(text, "- {check}");
    }
    for field in check::ignored() {
        let _ = writeln!(text, "- not compared: {field}");
    }
    println!("{text}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    report::place(&folder.join("README.md"), &text)?;
    std::fs::write(folder.join("compare.svg"), plot::svg(&rows))?;
    Ok(())
}

async fn run(home: &Home, group: &Group) -> Result<Vec<Row>> {
    let batches = Arc::new(Batches::new(group.shape));
    eprintln!("{:?}, {}", group.shape, group.wire);
    let mut runners = Vec::new();
    for entry in &group.entries {
        let contestant = Contestant::start(home, *entry, group.wire, FLUSH, false).await?;
        runners.push(Runner::new(contestant, &batches).await?);
    }
    for runner in &runners {
        let entry = runner.contestant.entry;
        let same = |other: &&Runner| other.contestant.entry.pipeline == entry.pipeline;
        for other in runners.iter().filter(same) {
            ensure!(
                runner.survivors == other.survivors,
                "{}: {} and {} do not keep as many spans",
                entry.pipeline,
                entry.program,
                other.contestant.entry.program
            );
        }
    }
    for runner in &mut runners {
        runner.saturate(&batches, WARM, false).await?;
    }
    for _ in 0..group.rounds {
        for runner in &mut runners {
            runner.saturate(&batches, group.slice, true).await?;
        }
    }
    if let Some(slice) = group.paced {
        for _ in 0..2 {
            for runner in &mut runners {
                runner.half_load(&batches, slice).await?;
            }
        }
    }
    let rows = report::rows(group, &batches, &runners);
    eprint!("{}", report::table(&rows));
    Ok(rows)
}
