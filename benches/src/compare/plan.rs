//! What is compared: groups of contestants that take turns over the same batches.

use std::time::Duration;

use anyhow::{Result, bail};
use spanmill_otlp::Signal;

use super::batches::Shape;
use super::check::Check;
use super::contestants::{Entry, Program};
use super::load::{GRPC, STREAMS, Wire};
use super::manifest::{Pipeline, STAGES};
use super::numbers::with_commas;

/// Warming, before turns count.
pub const WARM: Duration = Duration::from_millis(500);
/// A turn at a fixed rate.
pub const FIXED: Duration = Duration::from_secs(1);
/// Turns at half load.
pub const PACED: usize = 2;

/// Starting a contestant and sending every batch once, about.
const START: Duration = Duration::from_millis(800);
/// Checking one contestant's output, about; where there are metrics, they are waited for.
const CHECK: Duration = Duration::from_millis(600);
const CHECK_METRICS: Duration = Duration::from_millis(2500);

/// Contestants that take turns.
#[derive(Clone, Debug)]
pub struct Group {
    /// What it is chosen by, as a whole or by its first word.
    pub name: String,
    pub shape: Shape,
    pub wire: Wire,
    pub entries: Vec<Entry>,
    /// Turns in the closed loop.
    pub rounds: usize,
    pub slice: Duration,
    /// A turn at half load; none: no latencies.
    pub paced: Option<Duration>,
    /// Requests under way in the closed loop.
    pub streams: usize,
    /// Requests a second of a further turn, which are so few that none waits for another.
    pub fixed: Option<u32>,
}

fn entry(program: Program, pipeline: Pipeline) -> Entry {
    Entry { program, pipeline }
}

/// Every program, without a chain and with this pipeline.
fn all(wire: Wire, pipeline: Pipeline) -> Vec<Entry> {
    let mut entries = Vec::new();
    if !wire.http && !wire.zstd {
        entries.push(entry(Program::NullProxy, Pipeline::Passthrough));
    }
    entries.push(entry(Program::Spanmill, Pipeline::Passthrough));
    entries.push(entry(Program::Collector, Pipeline::Passthrough));
    for program in [Program::Spanmill, Program::Native, Program::Collector] {
        entries.push(entry(program, pipeline));
    }
    entries
}

impl Group {
    /// What all contestants do of which several take part: their output must be the same. The number of connections
    /// is nothing that output could depend on.
    pub fn checks(&self) -> Vec<Check> {
        let wire = Wire {
            connections: GRPC.connections,
            ..self.wire
        };
        let mut checks = Vec::new();
        for Entry { program, pipeline } in &self.entries {
            let check = Check {
                signal: self.shape.signal,
                pipeline: *pipeline,
                wire,
            };
            if *program == Program::Collector && !checks.contains(&check) {
                checks.push(check);
            }
        }
        checks
    }

    /// How long it takes, about, without its checks.
    pub fn estimate(&self) -> Duration {
        let rounds = u32::try_from(self.rounds).unwrap_or(u32::MAX);
        let paced = self.paced.unwrap_or_default() * PACED as u32;
        let fixed = self.fixed.map_or(Duration::ZERO, |_| FIXED * rounds);
        let each = START + WARM + self.slice * rounds + paced + fixed;
        each * u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }
}

impl std::fmt::Display for Group {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Shape {
            signal,
            bytes,
            items,
        } = self.shape;
        let (count, items) = (with_commas(items as u64), signal.items());
        write!(f, "{count} {items} of about {bytes} bytes, {}", self.wire)?;
        match self.streams {
            STREAMS => Ok(()),
            streams => write!(f, ", {streams} under way"),
        }
    }
}

/// How long a check takes, about.
pub fn estimate_of_check(pipeline: Pipeline) -> Duration {
    match pipeline.measures() {
        true => CHECK_METRICS * 3,
        false => CHECK * 3,
    }
}

/// Every group there is: sizes of spans and batches, logs and metrics, wires, stages alone, plugins that do nothing.
pub fn groups() -> Vec<Group> {
    let group = |name: String, shape, wire, entries| Group {
        name,
        shape,
        wire,
        entries,
        rounds: 5,
        slice: Duration::from_secs(1),
        paced: Some(Duration::from_secs(1)),
        streams: STREAMS,
        fixed: None,
    };
    let usual = Shape {
        signal: Signal::Traces,
        bytes: 500,
        items: 1000,
    };
    let mut groups = Vec::new();
    for bytes in [500, 300, 1000] {
        for items in [1000, 100, 10, 8192] {
            let shape = Shape {
                bytes,
                items,
                ..usual
            };
            let name = format!("sizes-{bytes}x{items}");
            let mut group = group(name, shape, GRPC, all(GRPC, Pipeline::Reference));
            // Where neither size is the usual one, CPU time is enough.
            if bytes != usual.bytes && items != usual.items {
                group.rounds = 3;
                group.paced = None;
            }
            groups.push(group);
        }
    }
    for (signal, bytes) in [(Signal::Logs, 500), (Signal::Metrics, 200)] {
        for items in [1000, 100] {
            let shape = Shape {
                signal,
                bytes,
                items,
            };
            let name = format!("{}-{items}", signal.name());
            groups.push(group(name, shape, GRPC, all(GRPC, Pipeline::Processors)));
        }
    }
    let one = Wire {
        connections: 1,
        ..GRPC
    };
    let zstd = Wire { zstd: true, ..GRPC };
    let http = Wire { http: true, ..GRPC };
    for (name, wire) in [("one-connection", one), ("zstd", zstd), ("http", http)] {
        let entries = all(wire, Pipeline::Reference);
        groups.push(group(format!("wires-{name}"), usual, wire, entries));
    }
    for (wire_name, wire) in [("grpc", GRPC), ("http", http)] {
        for items in [10, 100] {
            for streams in [8, 64] {
                let shape = Shape { items, ..usual };
                let mut entries = all(wire, Pipeline::Reference);
                entries.retain(|entry| entry.program != Program::Native);
                groups.push(Group {
                    streams,
                    fixed: (items == 10).then_some(2000),
                    ..group(
                        format!("small-{wire_name}-{items}-{streams}"),
                        shape,
                        wire,
                        entries,
                    )
                });
            }
        }
    }
    for stage in STAGES {
        let alone = Pipeline::Stage(stage);
        let programs = [Program::Spanmill, Program::Native, Program::Collector];
        let entries = programs.map(|program| entry(program, alone)).to_vec();
        groups.push(Group {
            paced: None,
            ..group(format!("stages-{stage}"), usual, GRPC, entries)
        });
    }
    let entries = [Pipeline::Passthrough, Pipeline::Transform]
        .map(|pipeline| [Program::Spanmill, Program::Collector].map(|of| entry(of, pipeline)));
    groups.push(Group {
        paced: None,
        ..group("transform".to_owned(), usual, GRPC, entries.concat())
    });
    for items in [1000, 100, 10, 8192] {
        let shape = Shape { items, ..usual };
        let copies = [0, 1, 2, 4, 8];
        let entries = copies.map(|copies| entry(Program::Spanmill, Pipeline::Noops(copies)));
        groups.push(Group {
            rounds: 4,
            paced: None,
            ..group(format!("noops-{items}"), shape, GRPC, entries.to_vec())
        });
    }
    groups
}

/// The groups that take about a quarter of an hour; those of spans in large requests with longer turns.
fn quick() -> Vec<Group> {
    let mut groups = groups();
    let names = [
        "sizes-500x1000",
        "sizes-500x100",
        "logs-1000",
        "metrics-1000",
        "noops-1000",
        "transform",
    ];
    let is_small = |group: &Group| group.name.starts_with("small-");
    groups.retain(|group| names.contains(&group.name.as_str()) || is_small(group));
    let of_spans = |group: &&mut Group| group.shape.signal == Signal::Traces && !is_small(group);
    for group in groups.iter_mut().filter(of_spans) {
        group.slice *= 2;
        group.paced = group.paced.map(|slice| slice * 2);
    }
    groups
}

/// The groups that `COMPARE` asks for: `quick` or nothing, `full`, or names between commas, where a first word
/// stands for all that begin with it.
///
/// # Errors
///
/// If there is no such group.
pub fn chosen(asked: &str) -> Result<Vec<Group>> {
    match asked.trim() {
        "" | "quick" => return Ok(quick()),
        "full" => return Ok(groups()),
        _ => {}
    }
    let mut all = groups();
    let is = |group: &Group, word: &str| {
        let rest = group.name.strip_prefix(word);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let words: Vec<&str> = asked.split(',').map(str::trim).collect();
    for word in &words {
        if !all.iter().any(|group| is(group, word)) {
            let names: Vec<&str> = all.iter().map(|group| group.name.as_str()).collect();
            bail!(
                "COMPARE: there is no group `{word}`; there are quick, full, sizes, small, logs, metrics, wires, stages, transform, noops, or one of {}",
                names.join(", ")
            );
        }
    }
    all.retain(|group| words.iter().any(|word| is(group, word)));
    Ok(all)
}
