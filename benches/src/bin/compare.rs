//! Spanmill beside itself with native plugins, the Collector and a null proxy, with the same pipelines and settings:
//! `make compare`.
//!
//! `COMPARE` says which groups: `full` takes all sizes, stages and wires, `stages,wires-http` these; without it, a few
//! minutes are enough. `compare check` only checks that outputs are equal.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use spanmill_benches::compare::batches::Batches;
use spanmill_benches::compare::check::{self, Check};
use spanmill_benches::compare::contestants::{Contestant, Home, Program};
use spanmill_benches::compare::fields;
use spanmill_benches::compare::measure::{Machine, Runner};
use spanmill_benches::compare::plan::{self, FIXED, Group, PACED, WARM};
use spanmill_benches::compare::plot;
use spanmill_benches::compare::report::{self, Row};
use spanmill_benches::compare::results::Results;
use spanmill_benches::machine;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Metrics leave as often as they do by default.
const FLUSH: &str = "60s";

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
    let groups = plan::chosen(&std::env::var("COMPARE").unwrap_or_default())?;
    let only_check = std::env::args().nth(1).is_some_and(|what| what == "check");
    let home = Home::new()?;
    let head = format!(
        "{}; {}; {}.",
        machine(),
        home.version(Program::Spanmill),
        home.version(Program::Collector)
    );
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut results = Results::read(&folder.join("README.md"), &head)?;
    let mut checks = Checks::default();
    let began = Instant::now();
    eprintln!(
        "{} groups, about {}",
        groups.len(),
        minutes(left(&groups, &checks, only_check))
    );
    let mut failed = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        if only_check
            && group
                .checks()
                .iter()
                .all(|check| checks.done(check).is_some())
        {
            continue;
        }
        let rest = groups.get(number..).unwrap_or_default();
        eprintln!(
            "\n[{}/{}] {}: {group}; {} to go",
            number + 1,
            groups.len(),
            group.name,
            minutes(left(rest, &checks, only_check))
        );
        if let Err(error) = one(&home, group, only_check, &mut checks, &mut results).await {
            eprintln!("{} failed: {error:#}", group.name);
            failed.push(group.name.as_str());
        } else if !only_check {
            // At once, so that a later group's failure costs no figures.
            results.write()?;
            let all = plan::groups();
            std::fs::write(folder.join("compare.svg"), plot::svg(&results.points(&all)))?;
        }
    }
    eprintln!("\ntook {}", minutes(began.elapsed()));
    ensure!(
        failed.is_empty(),
        "these groups failed, and their figures are what they were before: {}",
        failed.join(", ")
    );
    Ok(())
}

/// Checks done so far; each is done once, whichever group asks first.
#[derive(Default)]
struct Checks(Vec<(Check, Result<(), String>)>);

impl Checks {
    fn done(&self, check: &Check) -> Option<&Result<(), String>> {
        let mut done = self.0.iter();
        done.find(|(done, _)| done == check).map(|(_, found)| found)
    }

    async fn check(&mut self, home: &Home, check: Check, results: &mut Results) -> Result<()> {
        if self.done(&check).is_none() {
            let found = check::equal(home, check).await;
            if let Ok(line) = &found {
                eprintln!("equal: {line}");
                results.found_equal(line);
            }
            let found = found.map(|_| ()).map_err(|error| format!("{error:#}"));
            self.0.push((check, found));
        }
        match self.done(&check) {
            Some(Err(why)) => bail!("{why}"),
            _ => Ok(()),
        }
    }
}

/// How long groups take, about, with the checks that they still need.
fn left(groups: &[Group], checks: &Checks, only_check: bool) -> Duration {
    let mut needed: Vec<Check> = Vec::new();
    for check in groups.iter().flat_map(Group::checks) {
        if checks.done(&check).is_none() && !needed.contains(&check) {
            needed.push(check);
        }
    }
    let checking: Duration = needed
        .iter()
        .map(|check| plan::estimate_of_check(check.pipeline))
        .sum();
    match only_check {
        true => checking,
        false => checking + groups.iter().map(Group::estimate).sum::<Duration>(),
    }
}

fn minutes(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    format!("{}:{:02} min", seconds / 60, seconds % 60)
}

/// A group: checked, run, and its figures put with the results.
async fn one(
    home: &Home,
    group: &Group,
    only_check: bool,
    checks: &mut Checks,
    results: &mut Results,
) -> Result<()> {
    for check in group.checks() {
        checks.check(home, check, results).await?;
    }
    if only_check {
        return Ok(());
    }
    let batches = Arc::new(Batches::new(group.shape));
    let before = Machine::now()?;
    let rows = run(home, group, &batches).await?;
    let caption = report::caption(group, &batches, before.others()?);
    let mut section = format!("{caption}\n\n{}", report::table(group.shape.signal, &rows));
    section.push_str(&report::fixed_table(group, &rows));
    for field in fields::ignored() {
        section.push_str(&format!("\nNot compared: {field}.\n"));
    }
    println!("{section}");
    results.put(&group.name, &section);
    Ok(())
}

async fn run(home: &Home, group: &Group, batches: &Arc<Batches>) -> Result<Vec<Row>> {
    let mut runners = Vec::new();
    for entry in &group.entries {
        let contestant =
            Contestant::start(home, *entry, group.shape.signal, group.wire, FLUSH, false).await?;
        runners.push(Runner::new(contestant, batches).await?);
    }
    for runner in &runners {
        let entry = runner.contestant.entry;
        let same = |other: &&Runner| other.contestant.entry.pipeline == entry.pipeline;
        for other in runners.iter().filter(same) {
            ensure!(
                runner.survivors == other.survivors,
                "{}: {} and {} do not keep as much",
                entry.pipeline,
                entry.program,
                other.contestant.entry.program
            );
        }
    }
    for runner in &mut runners {
        runner.saturate(batches, WARM, group.streams, false).await?;
    }
    for _ in 0..group.rounds {
        for runner in &mut runners {
            let slice = group.slice;
            runner.saturate(batches, slice, group.streams, true).await?;
        }
        if let Some(requests) = group.fixed {
            for runner in &mut runners {
                runner.fixed_rate(batches, requests, FIXED).await?;
            }
        }
    }
    if let Some(slice) = group.paced {
        for _ in 0..PACED {
            for runner in &mut runners {
                runner.half_load(batches, slice).await?;
            }
        }
    }
    Ok(report::rows(&runners))
}
