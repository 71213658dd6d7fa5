//! One instance of the plugin under test, with the host's code around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use spanmill_otlp::{Projection, Request, StageContract, Workspace};
use spanmill_runtime::{Answer, Fault, Limits, Plugin, Slot, Tries};

use super::batches::TestBatch;
use crate::metrics::{Recorder, Totals};

/// When every batch was received: 2020-01-01, as a plugin's clock says.
const RECEIVED: u64 = 1_577_836_800_000_000_000;

/// An instance, and the memory of its chain.
pub(super) struct Stage {
    pub(super) slot: Slot,
    workspace: Workspace,
    recorder: Option<Recorder>,
}

/// One batch that went well.
pub(super) struct Step {
    pub(super) answer: Answer,
    pub(super) time: Duration,
    pub(super) note: String,
}

impl Stage {
    /// Makes and configures an instance.
    pub(super) fn new(plugin: &Plugin, settings: &str) -> Result<Self, String> {
        let slot = Slot::new(plugin, "conformance", settings, Limits::default());
        let slot = slot.map_err(|error| error.to_string())?;
        let declared = slot.declared();
        let contract = StageContract::parse(&declared.reads, &declared.writes);
        let contract =
            contract.map_err(|error| format!("the plugin declares what it may not: {error}"))?;
        let projection = Projection::new(vec![contract], &Workspace::span_id_paths());
        let projection = projection.map_err(|error| error.to_string())?;
        let stream = declared.metrics.clone();
        Ok(Stage {
            recorder: stream.map(|stream| Recorder::new(&Totals::new(stream))),
            workspace: Workspace::new(Arc::new(projection)),
            slot,
        })
    }

    /// Runs a batch, checks and applies the answer, and checks what is left.
    pub(super) fn run(&mut self, batch: &TestBatch) -> Result<Step, String> {
        let parsed = Request::parse(batch.signal, batch.bytes.clone());
        let request = parsed.map_err(|error| format!("the batch itself is malformed: {error}"))?;
        let loaded = self.workspace.load(request, RECEIVED);
        loaded.map_err(|error| format!("the batch itself is malformed: {error}"))?;
        let view = self.workspace.view(0).ok_or("there is no stage")?;
        let begun = Instant::now();
        let answered = self.slot.process(&view, Tries::Once);
        let time = begun.elapsed();
        let answer = match answered {
            Ok(answer) => answer,
            Err(Fault::Batch(why)) => return Err(format!("refused the batch: {why}")),
            Err(fault) => return Err(fault.to_string()),
        };
        let note = match &answer {
            Answer::Records(_) | Answer::Routes(_) => String::new(),
            Answer::Outcome(outcome) => {
                let applied = self.workspace.apply(0, outcome);
                let applied = applied.map_err(|error| format!("broke the contract: {error}"))?;
                let left = self.workspace.splice();
                Request::parse(batch.signal, left.bytes)
                    .map_err(|error| format!("what is left is malformed: {error}"))?;
                match applied.dropped_items {
                    0 => String::new(),
                    dropped => format!("dropped {dropped}"),
                }
            }
            Answer::Emission(emission) => {
                let recorder = self
                    .recorder
                    .as_mut()
                    .ok_or("a processor emitted metrics")?;
                let taken = recorder.take(emission.clone(), &self.workspace, 0, RECEIVED);
                let measured = taken.map_err(|fault| fault.to_string())?;
                match measured.summary().len() {
                    0 => String::new(),
                    series => format!("measured {series} series"),
                }
            }
        };
        Ok(Step { answer, time, note })
    }
}
