//! The table, and where it goes.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::batches::Batches;
use super::contestants::{Entry, Program};
use super::manifest::Pipeline;
use super::measure::{Runner, median, quantile};
use super::plan::Group;

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub entry: Entry,
    pub spans: usize,
    pub bytes: usize,
    pub wire: String,
    pub cpu: f64,
    /// Spans a second at saturation.
    pub rate: f64,
    pub p50: f64,
    pub p99: f64,
    pub peak_rss: f64,
    /// CPU time against that of the null proxy.
    pub over_null: Option<f64>,
    /// CPU time against that of the Collector with the same pipeline.
    pub over_collector: Option<f64>,
}

/// A group's rows. Each ratio is that of neighbours, round by round; the middle one counts.
pub fn rows(group: &Group, batches: &Batches, runners: &[Runner]) -> Vec<Row> {
    let against = |runner: &Runner, program, pipeline| {
        let entry = Entry { program, pipeline };
        let other = runners
            .iter()
            .find(|other| other.contestant.entry == entry)?;
        let rounds = runner.cpu.iter().zip(&other.cpu);
        let ratios: Vec<f64> = rounds.map(|(ours, theirs)| ours / theirs).collect();
        Some(median(&ratios))
    };
    let row = |runner: &Runner| {
        let entry = runner.contestant.entry;
        Row {
            entry,
            spans: group.shape.spans,
            bytes: batches.bytes_a_span().round() as usize,
            wire: group.wire.to_string(),
            cpu: median(&runner.cpu),
            rate: median(&runner.rate),
            p50: quantile(&runner.latency, 0.5),
            p99: quantile(&runner.latency, 0.99),
            peak_rss: runner.peak_rss,
            over_null: against(runner, Program::NullProxy, Pipeline::Passthrough),
            over_collector: against(runner, Program::Collector, entry.pipeline),
        }
    };
    runners.iter().map(row).collect()
}

/// The table, as Markdown.
pub fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| spans a batch | bytes a span | wire | pipeline | contestant | CPU us/span | spans/s | p50 ms | p99 ms | peak RSS MiB | CPU / null proxy | CPU / Collector |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let figure = |value: f64| match value.is_nan() {
            true => String::new(),
            false => format!("{value:.2}"),
        };
        let ratio = |value: Option<f64>| value.map(figure).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {:.3} | {} | {} | {} | {:.0} | {} | {} |",
            row.spans,
            row.bytes,
            row.wire,
            row.entry.pipeline,
            row.entry.program,
            row.cpu,
            thousands(row.rate),
            figure(row.p50),
            figure(row.p99),
            row.peak_rss,
            ratio(row.over_null),
            ratio(row.over_collector),
        );
    }
    text
}

fn thousands(number: f64) -> String {
    let number = (number / 1000.0).round() as u64 * 1000;
    match number / 1_000_000 {
        0 => format!("{},000", number / 1000),
        millions => format!("{millions},{:03},000", number / 1000 % 1000),
    }
}

const BEGIN: &str = "<!-- compare:begin -->";
const END: &str = "<!-- compare:end -->";

/// Puts a text between the marks of a file; at its end if there are none.
pub fn place(file: &Path, text: &str) -> Result<()> {
    let old = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    let new = match (old.find(BEGIN), old.find(END)) {
        (Some(begin), Some(end)) if begin < end => format!(
            "{}{BEGIN}\n{text}{}",
            old.get(..begin).unwrap_or_default(),
            old.get(end..).unwrap_or_default()
        ),
        _ => format!("{old}\n{BEGIN}\n{text}{END}\n"),
    };
    std::fs::write(file, new)?;
    Ok(())
}

/// Days since 1970 as a date.
pub fn today() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let days = now.map_or(0, |now| now.as_secs() / 86_400) as i64;
    // Howard Hinnant's civil_from_days.
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}
