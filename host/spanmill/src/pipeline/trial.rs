//! A change on probation: new versions that have yet to prove themselves, with the old ones standing by.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use spanmill_runtime::Fault;
use tokio::sync::Notify;

use crate::config::{ComponentId, PipelineId};

/// Batches that a new version must process well, in each pipeline, if nothing else is asked for.
pub const PROBATION: u32 = 100;

/// The trial of one change, which all chains that it touched share: it succeeds or fails as a whole.
#[derive(Default)]
pub struct Trial {
    failed: OnceLock<(ComponentId, Fault)>,
    /// Another change has come before the end.
    superseded: AtomicBool,
    /// Batches that must still go well, for each segment that was changed, and the pipeline that it is of.
    left: Vec<(PipelineId, AtomicU32)>,
    over: Notify,
}

/// How a trial ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Each pipeline has seen enough batches go well.
    Passed,
    /// A new version failed: the old ones are back.
    Failed(ComponentId, Fault),
    /// Another change came before the end.
    Superseded,
}

impl Trial {
    /// A trial of so many batches in each of some segments, of which these are the pipelines.
    pub(super) fn new(segments: Vec<PipelineId>, batches: u32) -> Arc<Self> {
        Arc::new(Trial {
            failed: OnceLock::new(),
            superseded: AtomicBool::new(false),
            left: segments
                .into_iter()
                .map(|pipeline| (pipeline, AtomicU32::new(batches)))
                .collect(),
            over: Notify::new(),
        })
    }

    /// Whether a segment still counts batches: only then does a fault end the trial.
    pub(super) fn counts(&self, segment: usize) -> bool {
        self.left
            .get(segment)
            .is_some_and(|(_, left)| left.load(Relaxed) > 0)
    }

    /// A batch went well.
    pub(super) fn went_well(&self, segment: usize) {
        let Some((_, left)) = self.left.get(segment) else {
            return;
        };
        let before = left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1));
        if before == Ok(1) {
            self.over.notify_one();
        }
    }

    /// A batch did not go well.
    pub(super) fn fail(&self, id: ComponentId, fault: Fault) {
        // The first fault is the one that is told.
        let _ = self.failed.set((id, fault));
        self.over.notify_one();
    }

    /// Another change takes over: what is on trial stands by for it.
    pub(super) fn supersede(&self) {
        self.superseded.store(true, Relaxed);
        self.over.notify_one();
    }

    /// Whether a new version has failed.
    pub fn has_failed(&self) -> bool {
        self.failed.get().is_some()
    }

    /// Batches that must still go well where fewest have.
    pub fn batches_left(&self) -> u32 {
        let left = self.left.iter().map(|(_, left)| left.load(Relaxed));
        left.max().unwrap_or(0)
    }

    /// The same for each pipeline.
    pub fn batches_left_by_pipeline(&self) -> BTreeMap<PipelineId, u32> {
        let mut all = BTreeMap::new();
        for (pipeline, left) in &self.left {
            let most: &mut u32 = all.entry(pipeline.clone()).or_default();
            *most = (*most).max(left.load(Relaxed));
        }
        all
    }

    /// How it ended, if it has.
    pub fn verdict(&self) -> Option<Verdict> {
        match self.failed.get() {
            Some((id, fault)) => Some(Verdict::Failed(id.clone(), fault.clone())),
            None if self.batches_left() == 0 => Some(Verdict::Passed),
            None if self.superseded.load(Relaxed) => Some(Verdict::Superseded),
            None => None,
        }
    }

    /// Waits for the end. One may wait at a time.
    pub async fn over(&self) -> Verdict {
        loop {
            let notified = self.over.notified();
            if let Some(verdict) = self.verdict() {
                return verdict;
            }
            notified.await;
        }
    }
}
