//! Whether contestants do the same: their output for the same batches, as sets of spans, log records or data points,
//! and of series.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use spanmill_otlp::Signal;

use super::batches::{Batches, Shape};
use super::contestants::{Contestant, Entry, Home, Program};
use super::fields::{Fields, Items, items};
use super::load::Wire;
use super::manifest::Pipeline;
use super::metrics::{self, Series};

/// Short, so that totals come soon after the spans.
const FLUSH: &str = "500ms";

/// What is checked: the output of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Check {
    pub signal: Signal,
    pub pipeline: Pipeline,
    pub wire: Wire,
}

impl std::fmt::Display for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.signal != Signal::Traces {
            write!(f, "{}, ", self.signal.name())?;
        }
        write!(f, "{}, {}", self.pipeline, self.wire)
    }
}

/// What a contestant made of some batches.
pub struct Output {
    items: Items,
    series: Series,
}

/// Sends a few batches through a contestant of its own.
async fn output(home: &Home, program: Program, check: Check, batches: &Batches) -> Result<Output> {
    let Check {
        signal,
        pipeline,
        wire,
    } = check;
    let entry = Entry { program, pipeline };
    let contestant = Contestant::start(home, entry, signal, wire, FLUSH, true).await?;
    for batch in &batches.encoded {
        let sent = contestant.load.send(batch.clone()).await;
        sent.with_context(|| contestant.log())?;
    }
    let mut last = Series::new();
    if pipeline.measures() {
        // Until nothing changes any more.
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(800)).await;
            let now = metrics::series(&contestant.sink.requests(Signal::Metrics))?;
            if !now.is_empty() && now == last {
                break;
            }
            last = now;
        }
        ensure!(!last.is_empty(), "no metrics came\n{}", contestant.log());
    }
    Ok(Output {
        items: items(signal, &contestant.sink.requests(signal))?,
        series: last,
    })
}

fn differences<K: Ord + Debug, V: PartialEq + Debug>(
    what: &str,
    ours: &BTreeMap<K, V>,
    theirs: &BTreeMap<K, V>,
    values: impl Fn(&V, &V) -> String,
    found: &mut Vec<String>,
) {
    let missing: Vec<&K> = theirs
        .keys()
        .filter(|key| !ours.contains_key(key))
        .collect();
    let further: Vec<&K> = ours
        .keys()
        .filter(|key| !theirs.contains_key(key))
        .collect();
    for (which, keys) in [("missing", missing), ("further", further)] {
        if let Some(first) = keys.first() {
            found.push(format!("{} {what} {which}, as {first:?}", keys.len()));
        }
    }
    let unequal = ours
        .iter()
        .filter_map(|(key, value)| Some((key, value, theirs.get(key)?)))
        .filter(|(_, value, other)| value != other);
    let unequal: Vec<_> = unequal.collect();
    if let Some((key, value, other)) = unequal.first() {
        let how = values(value, other);
        found.push(format!(
            "{} {what} differ, as {key:?}: {how}",
            unequal.len()
        ));
    }
}

fn fields_that_differ(ours: &Fields, theirs: &Fields) -> String {
    let unequal = ours
        .iter()
        .filter(|(name, value)| theirs.get(*name) != Some(value));
    let told: Vec<String> = unequal
        .map(|(name, value)| format!("{name}: {value:?} is not {:?}", theirs.get(name)))
        .collect();
    told.join("; ")
}

/// A line on how a pipeline's contestants were found equal.
///
/// # Errors
///
/// If they are not: every kind of difference, each with one example.
pub async fn equal(home: &Home, check: Check) -> Result<String> {
    let Check {
        signal,
        pipeline,
        wire,
    } = check;
    let mut batches = Batches::new(Shape {
        signal,
        bytes: 1000,
        items: 1000,
    });
    batches.encoded.truncate(8);
    let mut programs = vec![Program::Collector, Program::Spanmill];
    if pipeline.has_built_ins() {
        programs.push(Program::Native);
    }
    if pipeline == Pipeline::Passthrough && !wire.http && !wire.zstd {
        programs.push(Program::NullProxy);
    }
    let mut outputs = Vec::new();
    for program in &programs {
        outputs.push(output(home, *program, check, &batches).await?);
    }
    let mut found = Vec::new();
    let collector = &outputs[0];
    for (program, output) in programs.iter().zip(&outputs).skip(1) {
        let mut here = Vec::new();
        let (ours, theirs) = (&output.items.by_key, &collector.items.by_key);
        differences(signal.items(), ours, theirs, fields_that_differ, &mut here);
        let (ours, theirs) = (&output.series, &collector.series);
        let values = |ours: &Vec<u64>, theirs: &Vec<u64>| format!("{ours:?} is not {theirs:?}");
        differences("series", ours, theirs, values, &mut here);
        found.extend(
            here.iter()
                .map(|difference| format!("{program}: {difference}")),
        );
    }
    ensure!(
        found.is_empty(),
        "not the same output, {check}:\n{}",
        found.join("\n")
    );
    let mut said = format!(
        "{check}: {} of {} {} arrive",
        collector.items.count,
        batches.encoded.len() * batches.shape.items,
        signal.items()
    );
    if !collector.series.is_empty() {
        said.push_str(&format!(
            ", {} series count {} calls",
            collector.series.len(),
            metrics::calls(&collector.series)
        ));
    }
    Ok(said)
}
