//! What is compared: groups of contestants that take turns over the same batches.

use std::time::Duration;

use super::batches::Shape;
use super::contestants::{Entry, Program};
use super::load::Wire;
use super::manifest::{Pipeline, STAGES};

pub const GRPC: Wire = Wire {
    http: false,
    zstd: false,
};

/// Contestants that take turns.
pub struct Group {
    pub shape: Shape,
    pub wire: Wire,
    pub entries: Vec<Entry>,
    /// Turns in the closed loop.
    pub rounds: usize,
    pub slice: Duration,
    /// Each of two turns at half load; none: no latencies.
    pub paced: Option<Duration>,
}

/// Everything that one run compares.
pub struct Plan {
    pub groups: Vec<Group>,
    /// Pipelines whose output must be equal, and how it travels.
    pub checks: Vec<(Pipeline, Wire)>,
}

fn entry(program: Program, pipeline: Pipeline) -> Entry {
    Entry { program, pipeline }
}

/// Every program, without a chain and with the reference pipeline.
fn all(wire: Wire) -> Vec<Entry> {
    let mut entries = Vec::new();
    if wire == GRPC {
        entries.push(entry(Program::NullProxy, Pipeline::Passthrough));
    }
    for pipeline in [Pipeline::Passthrough, Pipeline::Reference] {
        entries.push(entry(Program::Spanmill, pipeline));
        entries.push(entry(Program::Collector, pipeline));
    }
    entries
}

/// Plugins that do nothing: their number is the price.
fn noops() -> Vec<Entry> {
    [0, 1, 2, 4, 8]
        .map(|copies| entry(Program::Spanmill, Pipeline::Noops(copies)))
        .to_vec()
}

impl Plan {
    /// About four minutes.
    pub fn quick() -> Self {
        let group = |spans, entries, rounds, paced| Group {
            shape: Shape { bytes: 500, spans },
            wire: GRPC,
            entries,
            rounds,
            slice: Duration::from_secs(2),
            paced,
        };
        let paced = Some(Duration::from_secs(2));
        Plan {
            groups: vec![
                group(1000, all(GRPC), 5, paced),
                group(100, all(GRPC), 5, paced),
                group(1000, noops(), 3, None),
            ],
            checks: vec![(Pipeline::Passthrough, GRPC), (Pipeline::Reference, GRPC)],
        }
    }

    /// All sizes, stages and wires.
    pub fn full() -> Self {
        let group = |bytes, spans, wire, entries, paced| Group {
            shape: Shape { bytes, spans },
            wire,
            entries,
            rounds: 5,
            slice: Duration::from_secs(2),
            paced,
        };
        let paced = Some(Duration::from_secs(4));
        let mut plan = Plan {
            groups: Vec::new(),
            checks: vec![(Pipeline::Passthrough, GRPC), (Pipeline::Reference, GRPC)],
        };
        for spans in [1000, 10, 100, 8192] {
            plan.groups.push(group(500, spans, GRPC, all(GRPC), paced));
        }
        for bytes in [300, 1000] {
            plan.groups.push(group(bytes, 1000, GRPC, all(GRPC), paced));
        }
        let zstd = Wire { zstd: true, ..GRPC };
        let http = Wire { http: true, ..GRPC };
        for wire in [zstd, http] {
            plan.groups.push(group(500, 1000, wire, all(wire), paced));
            plan.checks.push((Pipeline::Reference, wire));
        }
        let mut alone = Vec::new();
        for stage in STAGES.map(Pipeline::Stage) {
            alone.push(entry(Program::Spanmill, stage));
            alone.push(entry(Program::Collector, stage));
            plan.checks.push((stage, GRPC));
        }
        plan.groups.push(group(500, 1000, GRPC, alone, None));
        plan.groups.push(group(500, 1000, GRPC, noops(), None));
        plan
    }
}
