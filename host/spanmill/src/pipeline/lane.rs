//! One worker's way through a segment: the chain that runs, and the one before while the new one is on trial.

use std::sync::atomic::{
    AtomicBool,
    Ordering::{AcqRel, Release},
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use spanmill_otlp::Batch;
use spanmill_runtime::Tries;

use super::chain::{Chain, ChainError, ChainOutput, Origin};
use super::joint::HeldTraces;
use super::trial::Trial;
use crate::metadata::RequestMetadata;
use crate::refusal::Refusal;
use crate::tracer::TraceContext;

/// A chain in its place. The worker holds it for the time of a batch, so whoever gets hold of it is between two.
pub(super) struct Lane {
    running: Mutex<LaneState>,
    /// Taken by whoever waits for the lane; without it a busy worker would lock `running` again first every time.
    waiting: Mutex<()>,
    posted: Mutex<Option<Switch>>,
    has_posted: AtomicBool,
}

/// Where what the last stage holds goes.
#[derive(Clone, Copy)]
pub(super) struct HeldBy<'a> {
    pub(super) held: &'a HeldTraces,
    pub(super) shard: usize,
    pub(super) now_unix_nano: u64,
}

/// What is to be done to a lane between two batches.
pub(super) type Switch = Box<dyn FnOnce(&mut LaneState) + Send>;

pub(super) struct LaneState {
    chain: Chain,
    before: Option<Standby>,
}

/// What stands by while a change is on trial.
struct Standby {
    chain: Chain,
    trial: Arc<Trial>,
    /// The segment's number in the trial.
    segment: usize,
}

impl Lane {
    pub(super) fn new(chain: Chain) -> Self {
        Lane {
            running: Mutex::new(LaneState {
                chain,
                before: None,
            }),
            waiting: Mutex::new(()),
            posted: Mutex::new(None),
            has_posted: AtomicBool::new(false),
        }
    }

    fn running(&self) -> MutexGuard<'_, LaneState> {
        // A chain loads each batch anew, so one that a panic left behind is as good as any.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a batch. If a version on trial fails, the old chain takes the batch, and every further one. What the last stage
    /// holds goes to `held`.
    pub(super) fn run(
        &self,
        batch: &Batch,
        received_unix_nano: u64,
        origin: Origin,
        metadata: &RequestMetadata,
        trace: &TraceContext,
        held: Option<HeldBy<'_>>,
    ) -> Result<ChainOutput, Refusal> {
        drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut running = self.running();
        self.do_posted(&mut running);
        running.chain.trace(trace);
        let mut output = self.run_on(&mut running, batch, received_unix_nano, origin, metadata);
        running.chain.trace(&TraceContext::default());
        if let (Ok(output), Some(by)) = (&mut output, held)
            && let Some(mut held) = by.held.shard(by.shard)
        {
            let now = by.now_unix_nano;
            running
                .chain
                .hold(output, &mut held, received_unix_nano, now);
        }
        self.do_posted(&mut running);
        output
    }

    fn run_on(
        &self,
        running: &mut LaneState,
        batch: &Batch,
        received_unix_nano: u64,
        origin: Origin,
        metadata: &RequestMetadata,
    ) -> Result<ChainOutput, Refusal> {
        let LaneState { chain, before } = running;
        if let Some(standby) = before {
            if !standby.trial.has_failed() {
                let tries = match standby.trial.counts(standby.segment) {
                    true => Tries::Once,
                    false => Tries::Again,
                };
                match chain.run(batch, received_unix_nano, tries, origin, metadata) {
                    Ok(output) => {
                        if output.proved {
                            standby.trial.went_well(standby.segment);
                        }
                        return Ok(output);
                    }
                    Err(ChainError::Refused(refusal)) => return Err(refusal),
                    Err(ChainError::Divide) => return Err(undivided()),
                    Err(ChainError::Apart) => return Err(apart()),
                    Err(ChainError::OnTrial { id, fault }) => standby.trial.fail(id, fault),
                }
            }
            running.revert();
        }
        let ran = running
            .chain
            .run(batch, received_unix_nano, Tries::Again, origin, metadata);
        match ran {
            Ok(output) => Ok(output),
            Err(ChainError::Refused(refusal)) => Err(refusal),
            Err(ChainError::Divide) => Err(undivided()),
            Err(ChainError::Apart) => Err(apart()),
            Err(ChainError::OnTrial { fault, .. }) => Err(Refusal::Internal(fault.to_string())),
        }
    }

    /// Does something to the chain that runs, between two batches.
    pub(super) fn with_chain<T>(&self, work: impl FnOnce(&mut Chain) -> T) -> T {
        drop(self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let mut running = self.running();
        self.do_posted(&mut running);
        let done = work(&mut running.chain);
        self.do_posted(&mut running);
        done
    }

    /// Has something done at the next gap between two batches: by the worker itself, so that no batch waits for
    /// another thread to get its turn, or here if the worker has nothing to do.
    pub(super) fn post(&self, switch: Switch) {
        *self.posted.lock().unwrap_or_else(PoisonError::into_inner) = Some(switch);
        self.has_posted.store(true, Release);
        self.nudge();
    }

    /// Does what was posted, if the worker is idle.
    pub(super) fn nudge(&self) {
        let running = match self.running.try_lock() {
            Ok(running) => Some(running),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        if let Some(mut running) = running {
            self.do_posted(&mut running);
        }
    }

    fn do_posted(&self, running: &mut LaneState) {
        if !self.has_posted.swap(false, AcqRel) {
            return;
        }
        let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        let switch = posted.take();
        drop(posted);
        if let Some(switch) = switch {
            switch(running);
        }
    }

    /// Gets hold of the lane between two batches.
    pub(super) fn hold(&self) -> MutexGuard<'_, LaneState> {
        let _waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        self.running()
    }
}

/// Why a batch of several senders did not run. No sender is told: each one's request is run by itself next.
fn apart() -> Refusal {
    Refusal::Unavailable {
        retry_after: Duration::ZERO,
    }
}

/// A chain divides batches itself.
fn undivided() -> Refusal {
    Refusal::Internal("a batch was not divided".to_owned())
}

impl LaneState {
    /// Puts another chain in; with a trial, the old one stands by. Gives back what is of no more use, to be
    /// dropped when the lane is free again.
    pub(super) fn switch(
        &mut self,
        chain: Chain,
        trial: Option<(Arc<Trial>, usize)>,
    ) -> Vec<Chain> {
        let mut done: Vec<Chain> = Vec::new();
        // What has failed a moment ago is not what to go back to.
        if self.before.as_ref().is_some_and(|b| b.trial.has_failed()) {
            done.extend(self.revert());
        }
        let old = std::mem::replace(&mut self.chain, chain);
        done.extend(self.abandon());
        match trial {
            Some((trial, segment)) => {
                self.before = Some(Standby {
                    chain: old,
                    trial,
                    segment,
                });
            }
            None => done.push(old),
        }
        done
    }

    /// Whether an old chain stands by.
    pub(super) fn is_on_trial(&self) -> bool {
        self.before.is_some()
    }

    /// Lets go of what stands by, before its trial is over.
    pub(super) fn abandon(&mut self) -> Option<Chain> {
        let before = self.before.take()?;
        before.trial.supersede();
        Some(before.chain)
    }

    /// Goes back to what stands by, if anything does.
    pub(super) fn revert(&mut self) -> Option<Chain> {
        let mut before = self.before.take()?;
        // It has not seen what was held meanwhile.
        before.chain.forget_held();
        Some(std::mem::replace(&mut self.chain, before.chain))
    }

    /// Lets go of what stands by for a trial.
    pub(super) fn settle(&mut self, trial: &Arc<Trial>) -> Option<Chain> {
        let before = self
            .before
            .take_if(|before| Arc::ptr_eq(&before.trial, trial))?;
        Some(before.chain)
    }

    /// Goes back to what stands by for a trial.
    pub(super) fn revert_of(&mut self, trial: &Arc<Trial>) -> Option<Chain> {
        match &self.before {
            Some(before) if Arc::ptr_eq(&before.trial, trial) => self.revert(),
            _ => None,
        }
    }
}
