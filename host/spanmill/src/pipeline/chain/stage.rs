//! One plugin in a chain: a batch shown to it, and its answer taken.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use spanmill_otlp::{Request, Touched, Workspace};
use spanmill_runtime::{Answer, Fault, Tries};

use super::connect::{ConnectorPiece, StageOutput};
use super::instance::StageInstance;
use super::noting::{answered, rules};
use crate::config::{ComponentId, OnError};
use crate::ledger::Step;
use crate::metrics::Measured;
use crate::pipeline::shadow::MirroredBatch;

/// One plugin in a chain.
pub struct Stage {
    /// The component's id.
    pub id: ComponentId,
    /// What becomes of a batch when the plugin fails.
    pub on_error: OnError,
    /// The plugin's instance: this worker's own, or one that all workers share.
    pub instance: Arc<Mutex<StageInstance>>,
    /// Whether this version is new, and has yet to prove itself.
    pub on_trial: bool,
    /// What it makes beside what it lets through.
    pub output: StageOutput,
    /// Whether it is given an empty batch when time has passed: it may measure what has not come.
    pub measures_time: bool,
}

impl Stage {
    pub(super) fn lock(&self) -> MutexGuard<'_, StageInstance> {
        // A panic under the lock cannot leave a half-made instance: a slot replaces one after any fault.
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces an instance that a large batch has let grow.
    pub(super) fn shrink(&self) {
        let mut instance = self.lock();
        let StageInstance {
            slot, stats, gauge, ..
        } = &mut *instance;
        match slot.recycle_above(LARGE_INSTANCE) {
            Ok(true) => stats.recycled(),
            Ok(false) => {}
            Err(fault) => stats.fault(&fault),
        }
        gauge.set(slot);
    }

    /// Counts spans that go on without the plugin.
    pub(super) fn passed(&self, spans: usize) {
        self.lock().stats.passed(spans);
    }
}

/// Who has the batch while it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The sender, who is still waiting for the answer.
    Sender,
    /// Several senders, who are still waiting for their answers. Should a plugin fail, each one's request is run by itself.
    Senders,
    /// A batcher: the senders were answered when it took their requests.
    Batcher,
}

/// An instance that has more memory than this after such a batch is replaced.
const LARGE_INSTANCE: usize = 8 * 1024 * 1024;

/// What a stage made of what it was shown, beside what is left of it.
#[derive(Default)]
pub(super) struct StageResult {
    pub(super) measured: Option<Measured>,
    pub(super) held: Option<Request>,
    /// Whether rows have other numbers now.
    pub(super) is_regrouped: bool,
    pub(super) pieces: Vec<ConnectorPiece>,
}

/// A stage failed on what it was shown.
pub(super) struct StageFault {
    pub(super) fault: Fault,
    /// Whether it would fail again on the same, though the plugin is well.
    pub(super) is_of_batch: bool,
}

/// Logs what failed and what becomes of the batch.
pub(super) fn report(
    stage: &Stage,
    fault: &Fault,
    spans: usize,
    is_of_batch: bool,
    origin: Origin,
) {
    let then = match (stage.on_error, is_of_batch, origin) {
        (OnError::Reject, false, _) => "the sender is asked to send the batch again",
        (OnError::Reject, true, Origin::Sender | Origin::Senders) => {
            "the request is refused: the plugin processes others well"
        }
        (OnError::Reject, true, Origin::Batcher) => {
            "its spans are dropped: the plugin processes others well, and their sender was answered"
        }
        (OnError::Pass, _, _) => "the batch goes on without this plugin",
        (OnError::Drop, _, _) => "the batch is dropped",
    };
    stage.lock().log_fault(&stage.id, fault, Some(spans), then);
}

/// Shows a stage what is left of a batch, and takes its answer. What it did is added to `step`, if that is noted.
pub(super) fn run_stage(
    workspace: &mut Workspace,
    number: usize,
    stage: &Stage,
    tries: Tries,
    now_unix_nano: u64,
    taps: &mut Vec<MirroredBatch>,
    mut step: Option<&mut Step>,
) -> Result<StageResult, StageFault> {
    let spans = workspace.item_count();
    let mut instance = stage.lock();
    let StageInstance {
        slot,
        recorder,
        stats,
        gauge,
        ..
    } = &mut *instance;
    let Some(view) = workspace.view(number) else {
        return Ok(StageResult::default());
    };
    let began = Instant::now();
    let answer = slot.process(&view, tries);
    if !matches!(answer, Err(Fault::Quarantined(_))) {
        stats.call(spans, began.elapsed());
    }
    let fresh = slot.take_fresh();
    let mut take = |answer| match (answer, &mut *recorder) {
        (Answer::Outcome(outcome), _) => {
            let mut touched = step.as_ref().map(|_| Touched::default());
            let applied = workspace.apply_noting(number, &outcome, touched.as_mut())?;
            if let Some((step, touched)) = step.as_mut().zip(touched) {
                answered(step, workspace, touched);
            }
            let held = match applied.held_items {
                0 => None,
                _ => workspace.held(),
            };
            let is_regrouped = workspace.regroup()?.is_some();
            stats.let_out(spans - applied.held_items, applied.dropped_items);
            taps.drain(..).for_each(|tap| tap.outcome(outcome.clone()));
            Ok(StageResult {
                held,
                is_regrouped,
                ..StageResult::default()
            })
        }
        (Answer::Emission(emission), Some(recorder)) => {
            if fresh {
                recorder.reset();
            }
            let measured = recorder.take(emission, workspace, number, now_unix_nano)?;
            stats.let_out(spans, 0);
            taps.drain(..)
                .for_each(|tap| tap.measured(measured.clone()));
            Ok(StageResult {
                measured: Some(measured),
                ..StageResult::default()
            })
        }
        (Answer::Records(records), _) => {
            let pieces = stage.output.records(workspace, number, &records)?;
            stats.let_out(spans, 0);
            taps.drain(..).for_each(|tap| tap.records(pieces.clone()));
            Ok(StageResult {
                pieces,
                ..StageResult::default()
            })
        }
        (Answer::Routes(routes), _) => {
            let (pieces, dropped) = stage.output.routes(workspace, number, &routes)?;
            stats.let_out(spans, dropped);
            taps.drain(..).for_each(|tap| tap.records(pieces.clone()));
            Ok(StageResult {
                pieces,
                ..StageResult::default()
            })
        }
        // An instance answers in its role.
        (Answer::Emission(_), None) => Ok(StageResult::default()),
    };
    let taken = match answer {
        // The slot knows of this fault.
        Err(fault) => Err(fault),
        Ok(answer) => match take(answer) {
            Ok(result) => {
                slot.confirm();
                Ok(result)
            }
            Err(fault) => {
                slot.note(&fault);
                Err(fault)
            }
        },
    };
    if let Some(step) = step.filter(|_| taken.is_ok()) {
        step.rules = rules(slot, spans, stats);
    }
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
    taken.map_err(|fault| StageFault {
        is_of_batch: slot.blames_batch(),
        fault,
    })
}
