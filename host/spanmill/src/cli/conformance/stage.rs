//! One instance of the plugin under test, with the host's code around it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use spanmill_otlp::{
    ABSENT, Joined, Malformed, OutcomeError, Projection, Request, StageContract, Workspace,
};
use spanmill_runtime::{Answer, Fault, Limits, Plugin, Role, Slot, Tries};

use super::batches::TestBatch;
use crate::metrics::{Recorder, Totals};

/// The time of receipt of every batch: 2020-01-01, the time that a plugin's clock shows.
const RECEIVED: u64 = 1_577_836_800_000_000_000;

/// An instance, and the memory of its chain.
pub(super) struct Stage {
    pub(super) slot: Slot,
    workspace: Workspace,
    recorder: Option<Recorder>,
    /// What the plugin holds in the host.
    held: Vec<Request>,
}

/// A batch that passed.
pub(super) struct Step {
    pub(super) answer: Answer,
    pub(super) time: Duration,
    pub(super) note: String,
}

impl Stage {
    /// Creates an instance and configures it for a role.
    pub(super) fn new(plugin: &Plugin, role: &Role, settings: &str) -> Result<Self, String> {
        let limits = Limits::default();
        let slot = Slot::in_role(plugin, role.clone(), "conformance", settings, limits);
        let slot = slot.map_err(|error| error.to_string())?;
        let declared = slot.declared();
        let contract = StageContract::parse(&declared.reads, &declared.writes);
        let mut contract =
            contract.map_err(|error| format!("the plugin declares what it may not: {error}"))?;
        contract.may_hold = slot.may_hold();
        let projection = Projection::new(vec![contract], &Workspace::span_id_paths());
        let projection = projection.map_err(|error| error.to_string())?;
        let stream = declared.metrics.clone();
        Ok(Stage {
            recorder: stream.map(|stream| Recorder::new(&Totals::new(stream))),
            workspace: Workspace::new(Arc::new(projection)),
            held: Vec::new(),
            slot,
        })
    }

    /// Has the plugin keep reasons.
    pub(super) fn explaining(mut self) -> Result<Self, String> {
        let slot = self.slot.explaining();
        self.slot = slot.map_err(|error| format!("explain: {error}"))?;
        Ok(self)
    }

    /// Runs a batch and asks by which rules it was answered. Returns how many items have one.
    pub(super) fn reasons(&mut self, batch: &TestBatch) -> Result<usize, String> {
        let request = Request::parse(batch.signal, batch.bytes.clone());
        let items = request.map_or(0, |request| request.item_count());
        self.run(batch)?;
        let rules = self.slot.why(items);
        let rules = rules.map_err(|fault| format!("why {fault}"))?;
        let rules = rules.unwrap_or_default().of_each;
        Ok(rules.iter().filter(|rule| **rule != u32::MAX).count())
    }

    /// Runs a batch, checks the answer, applies it, and checks the result.
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
        let note = self.take(batch, &answer)?;
        Ok(Step { answer, time, note })
    }

    /// Checks and applies an answer. Returns a remark for the report.
    fn take(&mut self, batch: &TestBatch, answer: &Answer) -> Result<String, String> {
        let broke = |error: OutcomeError| format!("broke the contract: {error}");
        let malformed =
            |what: &'static str| move |error: Malformed| format!("{what} is malformed: {error}");
        match answer {
            Answer::Outcome(outcome) => {
                let applied = self.workspace.apply(0, outcome).map_err(broke)?;
                self.held.extend(self.workspace.held());
                let left = self.workspace.splice();
                Request::parse(batch.signal, left.bytes).map_err(malformed("what is left"))?;
                let groups = outcome.groups.as_ref();
                let groups = groups.map_or(&[][..], |groups| &groups.of_each);
                let counts = [
                    ("dropped", applied.dropped_items),
                    ("held", applied.held_items),
                    (
                        "moved",
                        groups.iter().filter(|group| **group != ABSENT).count(),
                    ),
                ];
                let counts = counts.iter().filter(|(_, count)| *count > 0);
                let counts = counts.map(|(what, count)| format!("{what} {count}"));
                Ok(counts.collect::<Vec<_>>().join(", "))
            }
            Answer::Emission(emission) => {
                let recorder = self
                    .recorder
                    .as_mut()
                    .ok_or("a processor emitted metrics")?;
                let taken = recorder.take(emission.clone(), &self.workspace, 0, RECEIVED);
                let measured = taken.map_err(|fault| fault.to_string())?;
                Ok(match measured.summary().len() {
                    0 => String::new(),
                    series => format!("measured {series} series"),
                })
            }
            Answer::Records(records) => {
                let plan = self.slot.declared().records.clone();
                let plan = plan.ok_or("it made records, and declared none")?;
                let mut out = Vec::new();
                let made = self.workspace.records(0, &plan, records, &mut out);
                let made = made.map_err(broke)?;
                Request::parse(plan.signal(), out.into()).map_err(malformed("what it made"))?;
                Ok(match made {
                    0 => String::new(),
                    made => format!("made {made} {}", plan.signal().items()),
                })
            }
            Answer::Routes(routes) => {
                let Role::Router { pipelines, .. } = self.slot.role() else {
                    return Err("it routed, and is no router".to_owned());
                };
                let joined = |_: &String| Joined::new(batch.bytes.clone());
                let mut onto: Vec<Joined> = pipelines.iter().map(joined).collect();
                let routed = self.workspace.route(routes, &mut onto).map_err(broke)?;
                for joined in onto {
                    let sent = joined.finish().bytes;
                    Request::parse(batch.signal, sent).map_err(malformed("what it sent on"))?;
                }
                Ok(match routed.dropped_items {
                    0 => String::new(),
                    dropped => format!("sent {dropped} nowhere"),
                })
            }
        }
    }

    /// Asks the plugin to decide on what it holds, shows it what is held as after a fault, and sends the last tick.
    pub(super) fn decide(&mut self) -> Result<String, String> {
        let held = std::mem::take(&mut self.held);
        let rows: usize = held.iter().map(Request::item_count).sum();
        for request in held {
            let loaded = self.workspace.load(request, RECEIVED);
            loaded.map_err(|error| format!("what is held is malformed: {error}"))?;
            let view = self.workspace.view(0).ok_or("there is no stage")?;
            let shown = self.slot.review(&view);
            shown.map_err(|fault| format!("review {fault}"))?;
        }
        let mut decided = 0;
        for (seconds, ending) in [(1, false), (600, false), (601, true)] {
            let now = RECEIVED.saturating_add(seconds * 1_000_000_000);
            let decisions = self.slot.tick(now, ending);
            let decisions = decisions.map_err(|fault| format!("tick {fault}"))?;
            decided += decisions.traces.len();
        }
        Ok(format!(
            "{rows} rows shown again, {decided} traces decided on"
        ))
    }
}
