//! What becomes of rows that the last stage of a chain holds.

use spanmill_otlp::{Joined, Request, Touched};
use spanmill_runtime::{Fault, Snapshot};

use super::noting::rules;
use super::{Chain, ChainOutput, StageInstance};
use crate::pipeline::joint::{HeldBatch, HeldShard};

impl Chain {
    /// Puts away what the last stage held of a batch, and asks it for decisions.
    pub(in crate::pipeline) fn hold(
        &mut self,
        output: &mut ChainOutput,
        held: &mut HeldShard<'_>,
        received_unix_nano: u64,
        now_unix_nano: u64,
    ) {
        if output.held.is_empty() {
            return;
        }
        if let Some(stage) = self.stages.last() {
            // Not what comes now: the instance has just seen it.
            stage.lock().recall(held);
        }
        for request in output.held.drain(..) {
            held.hold(&request, received_unix_nano);
        }
        self.tick(held, now_unix_nano, false);
    }

    /// Asks the last stage for decisions on what it holds.
    pub(in crate::pipeline) fn tick(
        &mut self,
        held: &mut HeldShard<'_>,
        now_unix_nano: u64,
        ending: bool,
    ) {
        let Some(stage) = self.stages.last() else {
            return;
        };
        let mut instance = stage.lock();
        instance.recall(held);
        instance.gauge.set_held(held.items(), held.unwritten());
        if held.is_recalling() {
            // It would decide on what it does not know.
            return;
        }
        let decided = instance.slot.tick(now_unix_nano, ending);
        match decided {
            Ok(decisions) => {
                if let Some(noting) = &self.noting {
                    let count = decisions.traces.len();
                    let StageInstance { slot, stats, .. } = &mut *instance;
                    noting.decided(&decisions, rules(slot, count, stats));
                }
                let (released, dropped) = held.decide(&decisions);
                instance.stats.decided(released, dropped);
                // A fault here is met again by the next call.
                held.set_full(instance.slot.is_full().unwrap_or(false));
            }
            Err(fault) => {
                instance.stats.fault(&fault);
                let then = match ending {
                    true => "everything it holds is released",
                    false => "it is asked again later, and shown what it holds",
                };
                instance.log_fault(&stage.id, &fault, None, then);
            }
        }
        instance.gauge.set_held(held.items(), held.unwritten());
        instance.note();
    }

    /// Shows the last stage again what it asked for, or does not know: a batch of that.
    pub(in crate::pipeline) fn review(&mut self, held: &mut HeldShard<'_>) {
        let number = self.stages.len().saturating_sub(1);
        let is_recalling = held.is_recalling();
        let (Some(stage), Some(shown)) = (self.stages.last(), held.next_review()) else {
            return;
        };
        let mut failures = 0;
        while failures < 2 {
            let Ok(request) = Request::parse(shown.signal, shown.batch.bytes.clone()) else {
                break;
            };
            if self
                .workspace
                .load(request, shown.received_unix_nano)
                .is_err()
            {
                break;
            }
            let Some(view) = self.workspace.view(number) else {
                break;
            };
            let mut instance = stage.lock();
            let fault = match instance.slot.review(&view) {
                Ok(()) => return instance.note(),
                // It was not called.
                Err(Fault::Quarantined(_)) => {
                    return held.not_shown(&shown.traces, is_recalling);
                }
                Err(fault) => fault,
            };
            failures += 1;
            instance.stats.fault(&fault);
            let then = "it is shown held rows again; those that fail twice are released";
            instance.log_fault(&stage.id, &fault, None, then);
            instance.note();
        }
        if let Some(noting) = &self.noting {
            let traces = shown.traces.iter().copied();
            noting.released_by_host(
                traces,
                "the plugin failed twice when it was shown the trace again",
            );
        }
        let released = held.release(&shown.traces);
        stage.lock().stats.decided(released, 0);
    }

    /// Shows the last stage rows that were released, if it wants to see them, and returns them with its edits.
    pub(in crate::pipeline) fn released(&mut self, released: HeldBatch) -> HeldBatch {
        let number = self.stages.len().saturating_sub(1);
        let Some(stage) = self.stages.last() else {
            return released;
        };
        let mut instance = stage.lock();
        if !instance.slot.sees_released() {
            return released;
        }
        let Ok(request) = Request::parse(released.signal, released.batch.bytes.clone()) else {
            return released;
        };
        let mut joined = Joined::new(released.batch.bytes.clone());
        let received = released.received_unix_nano;
        if self
            .workspace
            .load_next(&request, &joined, received)
            .is_err()
        {
            return released;
        }
        let Some(view) = self.workspace.view(number) else {
            return released;
        };
        let mut touched = self.noting.as_ref().map(|_| Touched::default());
        let edited = instance.slot.released(&view).and_then(|outcome| {
            let applied = self
                .workspace
                .apply_noting(number, &outcome, touched.as_mut());
            applied.map_err(|error| {
                let fault = Fault::from(error);
                instance.slot.note(&fault);
                fault
            })
        });
        let fault = match edited {
            Ok(_) => {
                instance.note();
                if let Some((noting, touched)) = self.noting.as_ref().zip(touched) {
                    noting.edited(&self.workspace, touched);
                }
                self.workspace.splice_onto(&mut joined);
                let batch = joined.finish();
                return HeldBatch { batch, ..released };
            }
            Err(fault) => fault,
        };
        instance.stats.fault(&fault);
        let then = "the rows go on as they were held";
        instance.log_fault(&stage.id, &fault, Some(released.batch.items), then);
        instance.note();
        released
    }

    /// Releases everything that is held.
    pub(in crate::pipeline) fn end(&mut self, held: &mut HeldShard<'_>) {
        if let Some(noting) = &self.noting {
            noting.released_by_host(held.traces(), "nobody decides on it any more");
        }
        let released = held.end();
        if let Some(stage) = self.stages.last() {
            stage.lock().stats.decided(released, 0);
        }
    }

    /// Some of what is held was stored.
    pub(in crate::pipeline) fn stored(&mut self, held: &HeldShard<'_>) {
        if let Some(stage) = self.stages.last() {
            let instance = stage.lock();
            instance.gauge.set_held(held.items(), held.unwritten());
        }
    }

    /// What the last stage knows, if it hands its state on.
    pub(in crate::pipeline) fn state(&mut self) -> Option<Snapshot> {
        let stage = self.stages.last()?;
        // A fault is counted, and met again when the instance is next used.
        stage.lock().snapshot().ok().flatten()
    }

    /// Has the last stage take over what was known before the service was started anew, and shows it what is held.
    pub(in crate::pipeline) fn recover(&mut self, state: Option<Snapshot>) {
        let Some(stage) = self.stages.last() else {
            return;
        };
        let mut instance = stage.lock();
        if let Some(state) = state
            && let Err(fault) = instance.restore(&state)
        {
            tracing::warn!(plugin = %stage.id, %fault,
                "what was decided before the restart cannot be taken over; what was held is, and is decided on anew");
        }
        instance.forgot_held = true;
    }

    /// The instances of this chain have not seen what was held while another ran in its place.
    pub(in crate::pipeline) fn forget_held(&mut self) {
        if let Some(stage) = self.stages.last() {
            stage.lock().forgot_held = true;
        }
    }
}

impl StageInstance {
    /// Has everything that is held shown to an instance that does not know of it.
    fn recall(&mut self, held: &mut HeldShard<'_>) {
        let forgot = std::mem::take(&mut self.forgot_held);
        if self.slot.take_lost_state() || forgot {
            held.review_all();
        }
    }
}
