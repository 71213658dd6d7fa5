//! One worker's chain of plugins: a batch in, what is left of it out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use spanmill_otlp::{Batch, Joined, Projection, Spliced, Workspace};
use spanmill_runtime::{Answer, Fault, Slot, Snapshot, Tries};

use super::shadow::Tap;
use super::stats::{Gauge, Stats};
use crate::config::{ComponentId, OnError};
use crate::metrics::{Measured, Recorder};
use crate::receive::Refusal;

/// One plugin in a chain.
pub struct Stage {
    /// The component's id.
    pub id: ComponentId,
    /// What becomes of a batch when the plugin fails.
    pub on_error: OnError,
    /// The plugin's instance: this worker's own, or one that all workers share.
    pub place: Arc<Mutex<Place>>,
    /// Whether this version is new, and has yet to prove itself.
    pub on_trial: bool,
}

/// An instance, and for a connector what its numbers mean.
pub struct Place {
    pub(super) slot: Slot,
    pub(super) recorder: Option<Recorder>,
    stats: Arc<Stats>,
    gauge: Arc<Gauge>,
}

impl Stage {
    /// Counts spans that go on without the plugin.
    fn passed(&self, spans: usize) {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.stats.passed(spans);
    }
}

/// A chain of plugins with its memory. One thread uses it at a time.
pub struct Chain {
    workspace: Workspace,
    stages: Vec<Stage>,
    /// Other versions that are shown the batches too; none mostly.
    taps: Vec<Tap>,
}

/// What a chain made of a batch.
pub struct Output {
    /// What is left of it.
    pub spliced: Spliced,
    /// What connectors measured. To be committed once the batch is delivered.
    pub measured: Vec<Measured>,
    /// Whether every stage has seen some of it, so that those on trial have proven something.
    pub proved: bool,
}

/// A part's way through the stages.
#[derive(Default)]
struct Way {
    /// A plugin's failure took it.
    is_dropped: bool,
    /// Every stage has seen some of it.
    was_seen: bool,
    /// A stage on trial failed, in a way that its instance survives.
    failed_on_trial: bool,
}

/// Why a chain made nothing of a batch.
#[derive(Debug)]
pub enum Failed {
    /// The sender is told so.
    Refused(Refusal),
    /// A version on trial failed; nothing has been told or counted.
    OnTrial {
        /// The component.
        id: ComponentId,
        /// Its fault.
        fault: Fault,
    },
}

/// How long a sender should wait after a plugin failed.
const AFTER_FAULT: Duration = Duration::from_secs(1);

impl Place {
    /// What the instance knows of earlier batches, for another version's.
    pub(super) fn snapshot(&mut self) -> Result<Option<Snapshot>, Fault> {
        let snapshot = self.slot.snapshot();
        if let Err(fault) = &snapshot {
            self.stats.fault(fault);
            self.gauge.set(&self.slot);
        }
        snapshot
    }

    /// Takes over what another version's instance knew.
    pub(super) fn restore(&mut self, snapshot: &Snapshot) -> Result<bool, Fault> {
        self.slot.restore(snapshot)
    }

    /// A place for an instance. `recorder` is for connectors.
    pub fn new(slot: Slot, recorder: Option<Recorder>, stats: &Arc<Stats>) -> Self {
        let gauge = stats.instance();
        gauge.set(&slot);
        Place {
            slot,
            recorder,
            stats: Arc::clone(stats),
            gauge,
        }
    }
}

impl Chain {
    /// A chain over a projection with as many stages, and one more for each tap.
    pub fn new(projection: Arc<Projection>, stages: Vec<Stage>) -> Self {
        Chain {
            workspace: Workspace::new(projection),
            stages,
            taps: Vec::new(),
        }
    }

    /// Shows batches to other versions as well.
    pub(super) fn tapped(mut self, taps: Vec<Tap>) -> Self {
        self.taps = taps;
        self
    }

    /// Runs a batch through every stage, part by part. With `Tries::Once`, a fault of a stage on trial ends it.
    pub fn run(
        &mut self,
        batch: &Batch,
        received_unix_nano: u64,
        tries: Tries,
    ) -> Result<Output, Failed> {
        if self.stages.is_empty() {
            let spliced = Spliced {
                bytes: batch.bytes().clone(),
                spans: batch.span_count(),
            };
            return Ok(Output {
                spliced,
                measured: Vec::new(),
                proved: true,
            });
        }
        let mut joined = Joined::new(batch.bytes().clone());
        let mut measured = Vec::new();
        let (mut was_seen, mut failed_on_trial) = (false, false);
        for part in batch.parts() {
            self.workspace
                .load_next(part, &joined, received_unix_nano)
                .map_err(|malformed| Failed::Refused(Refusal::Malformed(malformed.to_string())))?;
            let way = self.walk(received_unix_nano, tries, &mut measured)?;
            match way.is_dropped {
                true => joined.leave_out(part),
                false => self.workspace.splice_onto(&mut joined),
            }
            was_seen |= way.was_seen;
            failed_on_trial |= way.failed_on_trial;
        }
        Ok(Output {
            spliced: joined.finish(),
            measured,
            // A version on trial that refuses what it is given has proven nothing.
            proved: was_seen && !failed_on_trial,
        })
    }

    /// Shows what is loaded to stage after stage.
    fn walk(
        &mut self,
        received_unix_nano: u64,
        tries: Tries,
        measured: &mut Vec<Measured>,
    ) -> Result<Way, Failed> {
        let mut way = Way::default();
        for (number, stage) in self.stages.iter().enumerate() {
            let spans = self.workspace.span_count();
            if spans == 0 {
                return Ok(way);
            }
            let tries = match stage.on_trial {
                true => tries,
                false => Tries::Again,
            };
            let mut taps: Vec<_> = self
                .taps
                .iter()
                .filter(|tap| tap.at == number)
                .filter_map(|tap| tap.before(&self.workspace))
                .collect();
            let ran = run_stage(
                &mut self.workspace,
                number,
                stage,
                tries,
                received_unix_nano,
                &mut taps,
            );
            match ran {
                Ok(Some(by_stage)) => measured.push(by_stage),
                Ok(None) => {}
                Err(fault) if tries == Tries::Once && fault.ends_instance() => {
                    let id = stage.id.clone();
                    return Err(Failed::OnTrial { id, fault });
                }
                Err(fault) => {
                    way.failed_on_trial |= stage.on_trial;
                    report(stage, &fault, spans);
                    match stage.on_error {
                        OnError::Reject => {
                            let retry_after = AFTER_FAULT;
                            return Err(Failed::Refused(Refusal::Unavailable { retry_after }));
                        }
                        OnError::Pass => stage.passed(spans),
                        OnError::Drop => {
                            way.is_dropped = true;
                            return Ok(way);
                        }
                    }
                }
            }
        }
        way.was_seen = true;
        Ok(way)
    }
}

/// Says what failed and what becomes of the batch. A plugin in quarantine was told of when it failed.
fn report(stage: &Stage, fault: &Fault, spans: usize) {
    let then = match stage.on_error {
        OnError::Reject => "the sender is asked to send the batch again",
        OnError::Pass => "the batch goes on without this plugin",
        OnError::Drop => "the batch is dropped",
    };
    match fault {
        Fault::Quarantined(_) => {
            tracing::debug!(plugin = %stage.id, %fault, spans, "plugin fault; {then}")
        }
        _ => tracing::warn!(plugin = %stage.id, %fault, spans, "plugin fault; {then}"),
    }
}

fn run_stage(
    workspace: &mut Workspace,
    number: usize,
    stage: &Stage,
    tries: Tries,
    now_unix_nano: u64,
    taps: &mut Vec<super::shadow::Mirrored>,
) -> Result<Option<Measured>, Fault> {
    let spans = workspace.span_count();
    // A panic under the lock cannot leave a half-made instance: a slot replaces one after any fault.
    let mut place = stage.place.lock().unwrap_or_else(PoisonError::into_inner);
    let Place {
        slot,
        recorder,
        stats,
        gauge,
    } = &mut *place;
    let Some(view) = workspace.view(number) else {
        return Ok(None);
    };
    let began = Instant::now();
    let answer = slot.process(&view, tries);
    if !matches!(answer, Err(Fault::Quarantined(_))) {
        stats.call(spans, began.elapsed());
    }
    let fresh = slot.take_fresh();
    let mut take = |answer| match (answer, &mut *recorder) {
        (Answer::Outcome(outcome), _) => {
            let applied = workspace.apply(number, &outcome)?;
            stats.let_out(spans, applied.dropped_spans);
            taps.drain(..).for_each(|tap| tap.outcome(outcome.clone()));
            Ok(None)
        }
        (Answer::Emission(emission), Some(recorder)) => {
            if fresh {
                recorder.reset();
            }
            let measured = recorder.take(emission, workspace, number, now_unix_nano)?;
            stats.let_out(spans, 0);
            taps.drain(..)
                .for_each(|tap| tap.measured(measured.clone()));
            Ok(Some(measured))
        }
        (Answer::Emission(_), None) => Ok(None),
    };
    let taken = match answer {
        // The slot knows of this fault.
        Err(fault) => Err(fault),
        Ok(answer) => take(answer).inspect_err(|fault| slot.note(fault)),
    };
    if let Some(fault) = slot.take_made_good() {
        stats.fault(&fault);
    }
    match &taken {
        Err(fault) => stats.fault(fault),
        Ok(_) => match slot.recycle() {
            Ok(true) => stats.recycled(),
            Ok(false) => {}
            Err(fault) => stats.fault(&fault),
        },
    }
    stats.take(slot);
    gauge.set(slot);
    taken
}
