//! A pipeline as its workers run it: chains with `batch` processors between them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use spanmill_otlp::{Batch, Projection, Spliced};
use tokio_util::sync::CancellationToken;

use super::batcher::Batcher;
use super::chain::{Chain, Origin, Place, Stage};
use super::delivery::{Delivery, Fanout};
use super::gate::MemoryGate;
use super::lane::Lane;
use super::shadow::Tap;
use super::version::Version;
use super::worker::now_unix_nano;
use crate::config::{self, ComponentId, PerSignal, PipelineId, Signal};
use crate::losses::Holds;
use crate::refusal::Refusal;

/// A pipeline.
pub struct Pipeline {
    /// Its name.
    pub id: PipelineId,
    pub(super) segments: Vec<Segment>,
    ends: RwLock<Ends>,
    /// Set when the pipeline was replaced or removed: it gets no more requests.
    pub(super) retired: CancellationToken,
}

/// What a pipeline leads to and is guarded by.
#[derive(Clone, Default)]
pub(super) struct Ends {
    pub(super) fanout: Arc<Fanout>,
    pub(super) gates: Arc<[Arc<MemoryGate>]>,
}

/// Plugins up to a `batch` processor or the end.
pub(super) struct Segment {
    /// One for each worker.
    pub(super) lanes: Vec<Lane>,
    plan: Mutex<Plan>,
    /// What collects the chains' output for the next segment; nothing in the last.
    pub(super) batcher: Option<Batcher>,
}

/// Which plugins a segment's chains are made of.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) projection: Arc<Projection>,
    pub(super) stages: Vec<Planned>,
}

/// One plugin of a segment.
#[derive(Clone)]
pub(super) struct Planned {
    pub(super) version: Arc<Version>,
    /// One for each worker, or the same for all of them.
    pub(super) places: Vec<Arc<Mutex<Place>>>,
}

/// A batch that a batcher gave, on its way through the next segment.
pub(super) struct Batched {
    pub(super) pipeline: Arc<Pipeline>,
    /// The segment whose batcher it came from.
    pub(super) segment: usize,
    pub(super) batch: Spliced,
    pub(super) received_unix_nano: u64,
    /// Refusals so far.
    pub(super) attempts: u32,
}

impl Batched {
    /// A batch that the batcher behind a segment has just completed.
    pub(super) fn new(pipeline: &Arc<Pipeline>, segment: usize, batch: Spliced) -> Self {
        Batched {
            pipeline: Arc::clone(pipeline),
            segment,
            batch,
            received_unix_nano: now_unix_nano(),
            attempts: 0,
        }
    }
}

impl Plan {
    /// The chain of one worker. `on_trial` says which stages are new, `taps` who else is shown the batches.
    pub(super) fn chain(
        &self,
        worker: usize,
        on_trial: impl Fn(&ComponentId) -> bool,
        taps: Vec<Tap>,
    ) -> Chain {
        let stages = self.stages.iter().filter_map(|planned| {
            let place = planned.places.get(worker)?;
            Some(Stage {
                id: planned.version.id.clone(),
                on_error: planned.version.spec.on_error,
                place: Arc::clone(place),
                on_trial: on_trial(&planned.version.id),
            })
        });
        Chain::new(Arc::clone(&self.projection), stages.collect()).tapped(taps)
    }

    /// The plugin that stands in it for a component.
    pub(super) fn planned(&self, id: &ComponentId) -> Option<&Planned> {
        self.stages.iter().find(|planned| planned.version.id == *id)
    }

    /// Whether the other has the same plugins in the same order.
    pub(super) fn is_like(&self, other: &Plan) -> bool {
        let same = |(one, other): (&Planned, &Planned)| Arc::ptr_eq(&one.version, &other.version);
        self.stages.len() == other.stages.len() && self.stages.iter().zip(&other.stages).all(same)
    }
}

impl Segment {
    pub(super) fn new(
        signal: Signal,
        plan: Plan,
        workers: usize,
        batch: Option<config::Batch>,
    ) -> Self {
        let chain = |worker| plan.chain(worker, |_| false, Vec::new());
        Segment {
            lanes: (0..workers)
                .map(|worker| Lane::new(chain(worker)))
                .collect(),
            plan: Mutex::new(plan),
            batcher: batch.map(|batch| Batcher::new(signal, batch)),
        }
    }

    /// Gives every lane a chain of the same plugins, with other taps. Not for one that is on trial.
    pub(super) fn refit(&self, plan: &Plan, taps: impl Fn(usize) -> Vec<Tap>) {
        for (worker, lane) in self.lanes.iter().enumerate() {
            let chain = plan.chain(worker, |_| false, taps(worker));
            let mut running = lane.hold();
            if !running.is_on_trial() {
                let of_no_use = running.switch(chain, None);
                drop(running);
                drop(of_no_use);
            }
        }
    }

    /// What its chains are made of.
    pub(super) fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holds for Pipeline {
    fn component(&self) -> String {
        format!("pipeline {}", self.id)
    }

    fn held(&self) -> PerSignal<u64> {
        let batchers = self.segments.iter().filter_map(|s| s.batcher.as_ref());
        let items: usize = batchers.map(Batcher::held_items).sum();
        let mut held = PerSignal::default();
        *held.get_mut(self.id.signal) = items as u64;
        held
    }
}

impl Pipeline {
    pub(super) fn new(id: PipelineId, segments: Vec<Segment>) -> Arc<Self> {
        Arc::new(Pipeline {
            id,
            segments,
            ends: RwLock::default(),
            retired: CancellationToken::new(),
        })
    }

    /// What it leads to and is guarded by at the moment.
    pub(super) fn ends(&self) -> Ends {
        self.ends
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Leads it elsewhere, from the next delivery on.
    pub(super) fn set_ends(&self, ends: Ends) {
        *self.ends.write().unwrap_or_else(PoisonError::into_inner) = ends;
    }

    /// The batch processors in it, in order.
    pub(super) fn batches(&self) -> Vec<&config::Batch> {
        let batchers = self.segments.iter().filter_map(|s| s.batcher.as_ref());
        batchers.map(Batcher::config).collect()
    }

    /// The versions of the components in it.
    pub fn versions(&self) -> Vec<Arc<Version>> {
        let of_segment = |segment: &Segment| {
            let plan = segment.plan();
            let versions = plan.stages.iter().map(|p| Arc::clone(&p.version));
            versions.collect::<Vec<_>>()
        };
        self.segments.iter().flat_map(of_segment).collect()
    }

    /// Ends the trials of a pipeline that gets no more batches.
    pub(super) fn abandon_trials(&self) {
        for lane in self.segments.iter().flat_map(|segment| &segment.lanes) {
            drop(lane.hold().abandon());
        }
    }

    /// Runs a batch through one segment.
    pub(super) fn run(
        self: &Arc<Self>,
        worker: usize,
        segment: usize,
        batch: &Batch,
        received_unix_nano: u64,
    ) -> Result<Delivery, Refusal> {
        let missing = || Refusal::Internal(format!("pipeline {}: no such segment", self.id));
        let here = self.segments.get(segment).ok_or_else(missing)?;
        let lane = here.lanes.get(worker).ok_or_else(missing)?;
        // What a batcher gave belongs to nobody else any more.
        let origin = match segment {
            0 => Origin::Sender,
            _ => Origin::Batcher,
        };
        let output = lane.run(batch, received_unix_nano, origin)?;
        Ok(Delivery {
            pipeline: Arc::clone(self),
            segment,
            spliced: output.spliced,
            measured: output.measured,
            failed: output.failed,
        })
    }

    /// Makes a worker's instances that are to be made when they are needed, so that no batch has to wait for them.
    pub(super) fn warm(&self, worker: usize) {
        for segment in &self.segments {
            let stages = segment.plan().stages.clone();
            for (stage, place) in stages
                .iter()
                .filter_map(|stage| Some((stage, stage.places.get(worker)?)))
            {
                let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(fault) = place.warm() {
                    // The first batch meets it again, and follows `on_error`.
                    tracing::warn!(plugin = %stage.version.id, %fault, "cannot make an instance");
                }
            }
        }
    }

    /// The batcher behind a segment; `None` behind the last.
    pub(super) fn batcher(&self, segment: usize) -> Option<&Batcher> {
        self.segments.get(segment)?.batcher.as_ref()
    }
}
