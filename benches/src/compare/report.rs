//! What a group's contestants used, as a table.

use std::fmt::Write as _;

use spanmill_otlp::Signal;

use super::batches::Batches;
use super::contestants::{Entry, Program};
use super::manifest::Pipeline;
use super::measure::{Runner, median, quantile};
use super::numbers::with_commas;
use super::plan::Group;

/// A line of the table.
#[derive(Clone, Debug)]
pub struct Row {
    pub entry: Entry,
    pub cpu: f64,
    /// Spans, log records or data points a second at saturation.
    pub rate: f64,
    pub p50: f64,
    pub p99: f64,
    pub peak_rss: f64,
    /// At a fixed rate, if that was looked at.
    pub fixed: Option<FixedRate>,
    /// CPU time against that of the null proxy.
    pub over_null: Option<f64>,
    /// CPU time against that with native plugins, same pipeline.
    pub over_native: Option<f64>,
    /// CPU time against that of the Collector with the same pipeline.
    pub over_collector: Option<f64>,
}

/// What a contestant used at a fixed rate.
#[derive(Clone, Copy, Debug)]
pub struct FixedRate {
    pub cpu: f64,
    pub p50: f64,
    pub over_collector: Option<f64>,
}

/// A group's rows. Each ratio is that of neighbours, round by round; the middle one counts.
pub fn rows(runners: &[Runner]) -> Vec<Row> {
    let ratio_of = |runner: &Runner, program, pipeline, cpu: fn(&Runner) -> &[f64]| {
        let entry = Entry { program, pipeline };
        let other = runners
            .iter()
            .find(|other| other.contestant.entry == entry)?;
        let rounds = cpu(runner).iter().zip(cpu(other));
        let ratios: Vec<f64> = rounds.map(|(ours, theirs)| ours / theirs).collect();
        Some(median(&ratios))
    };
    let against =
        |runner: &Runner, program, pipeline| ratio_of(runner, program, pipeline, |it| &it.cpu);
    let fixed = |runner: &Runner| {
        let pipeline = runner.contestant.entry.pipeline;
        (!runner.fixed_cpu.is_empty()).then(|| FixedRate {
            cpu: median(&runner.fixed_cpu),
            p50: quantile(&runner.fixed_latency, 0.5),
            over_collector: ratio_of(runner, Program::Collector, pipeline, |it| &it.fixed_cpu),
        })
    };
    let row = |runner: &Runner| {
        let entry = runner.contestant.entry;
        Row {
            entry,
            cpu: median(&runner.cpu),
            rate: median(&runner.rate),
            p50: quantile(&runner.latency, 0.5),
            p99: quantile(&runner.latency, 0.99),
            peak_rss: runner.peak_rss,
            fixed: fixed(runner),
            over_null: against(runner, Program::NullProxy, Pipeline::Passthrough),
            over_native: against(runner, Program::Native, entry.pipeline),
            over_collector: against(runner, Program::Collector, entry.pipeline),
        }
    };
    runners.iter().map(row).collect()
}

/// What stands above a group's table: what was sent, when, and what else the machine did.
pub fn caption(group: &Group, batches: &Batches, (others, stolen): (f64, f64)) -> String {
    format!(
        "**{}**: {} {} of {:.0} bytes a batch, {}, {} under way. {}; other processes kept {others:.2} cores busy meanwhile, the host of the machine {stolen:.2}.",
        group.name,
        with_commas(group.shape.items as u64),
        group.shape.signal.items(),
        batches.bytes_an_item(),
        group.wire,
        group.streams,
        today(),
    )
}

/// The table, as Markdown.
pub fn table(signal: Signal, rows: &[Row]) -> String {
    let (one, many) = match signal {
        Signal::Traces => ("span", "spans"),
        Signal::Logs => ("record", "records"),
        Signal::Metrics => ("point", "points"),
    };
    let mut text = format!(
        "| pipeline | contestant | CPU us/{one} | {many}/s | p50 ms | p99 ms | peak RSS MiB | CPU / null proxy | CPU / native | CPU / Collector |\n|---|---|---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let figure = |value: f64| match value.is_nan() {
            true => String::new(),
            false => format!("{value:.2}"),
        };
        let ratio = |value: Option<f64>| value.map(figure).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | {} | {:.3} | {} | {} | {} | {:.0} | {} | {} | {} |",
            row.entry.pipeline,
            row.entry.program,
            row.cpu,
            with_commas((row.rate / 1000.0).round() as u64 * 1000),
            figure(row.p50),
            figure(row.p99),
            row.peak_rss,
            ratio(row.over_null),
            ratio(row.over_native),
            ratio(row.over_collector),
        );
    }
    text
}

/// The table of a group's turns at a fixed rate, as Markdown; empty if there were none.
pub fn fixed_table(group: &Group, rows: &[Row]) -> String {
    let Some(requests) = group.fixed else {
        return String::new();
    };
    let requests = with_commas(u64::from(requests));
    let mut text = format!(
        "\nAt {requests} requests a second:\n\n| pipeline | contestant | CPU us/span | p50 ms | CPU / Collector |\n|---|---|---|---|---|\n"
    );
    for row in rows {
        if let Some(fixed) = row.fixed {
            let ratio = fixed.over_collector.map(|ratio| format!("{ratio:.2}"));
            let _ = writeln!(
                text,
                "| {} | {} | {:.3} | {:.2} | {} |",
                row.entry.pipeline,
                row.entry.program,
                fixed.cpu,
                fixed.p50,
                ratio.unwrap_or_default(),
            );
        }
    }
    text
}

/// Days since 1970 as a date.
fn today() -> String {
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
