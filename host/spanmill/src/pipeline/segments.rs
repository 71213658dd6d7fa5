//! A pipeline as its workers run it: chains with joints between them.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use spanmill_otlp::Projection;
use spanmill_runtime::Sharding;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::chain::{Chain, Noting, Stage, StageInstance, StageOutput};
use super::fanout::{Fanout, FanoutUse};
use super::gate::MemoryGate;
use super::joint::{HeldMemory, Joint, JointPlan, RoomReservation, SegmentOutput};
use super::lane::Lane;
use super::shadow::Tap;
use super::version::Version;
use super::watch::{WatchedPipeline, Watchers};
use crate::config::{ComponentId, PerSignal, PipelineId};
use crate::losses::Holds;
use crate::storage::StorageError;

/// A pipeline.
pub struct Pipeline {
    /// Its name.
    pub id: PipelineId,
    pub(super) segments: Vec<Segment>,
    pub(super) watchers: Watchers,
    destinations: RwLock<Destinations>,
    /// Set when the pipeline was replaced or removed: it gets no more requests.
    pub(super) retired: CancellationToken,
    /// Feeds that lead to it, and requests, batches and deliveries that are in it.
    users: TaskTracker,
}

/// Keeps a pipeline from being let go of. Whatever leads to it or is in it holds one.
pub(super) struct PipelineUse {
    pipeline: Arc<Pipeline>,
    _user: TaskTrackerToken,
}

impl PipelineUse {
    pub(super) fn of(pipeline: &Arc<Pipeline>) -> Self {
        PipelineUse {
            pipeline: Arc::clone(pipeline),
            _user: pipeline.users.token(),
        }
    }
}

impl Clone for PipelineUse {
    fn clone(&self) -> Self {
        Self::of(&self.pipeline)
    }
}

impl Deref for PipelineUse {
    type Target = Arc<Pipeline>;

    fn deref(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }
}

/// What a pipeline leads to and is guarded by.
#[derive(Clone, Default)]
pub(super) struct Destinations {
    pub(super) fanout: Arc<Fanout>,
    /// Its own, and those of the pipelines that it leads to.
    pub(super) gates: Arc<[Arc<MemoryGate>]>,
    /// The pipelines that `forward` connectors lead to.
    pub(super) forwards: Arc<[PipelineUse]>,
    /// The pipelines that take from each connector, in their order.
    pub(super) connected: Arc<BTreeMap<ComponentId, Vec<PipelineUse>>>,
    /// Whether requests that receivers give it may share batches.
    pub(super) coalesces: bool,
}

/// Plugins up to a joint or the end.
pub(super) struct Segment {
    /// One for each worker, or for each shard.
    pub(super) lanes: Vec<Lane>,
    plan: Mutex<SegmentPlan>,
    /// What stands between the chains' output and the next segment; nothing behind the last.
    pub(super) joint: Option<Joint>,
}

/// Which plugins a segment's chains are made of.
#[derive(Clone)]
pub(super) struct SegmentPlan {
    pub(super) projection: Arc<Projection>,
    pub(super) stages: Vec<PlannedStage>,
    /// Who may look at what passes.
    pub(super) watched: WatchedPipeline,
    /// Where its chains note what becomes of spans, if that is noted.
    pub(super) noting: Option<Noting>,
}

/// One plugin of a segment.
#[derive(Clone)]
pub(super) struct PlannedStage {
    pub(super) version: Arc<Version>,
    /// One for each worker, or the same for all of them.
    pub(super) instances: Vec<Arc<Mutex<StageInstance>>>,
}

impl SegmentPlan {
    /// The chain of one worker. `on_trial` says which stages are new, `taps` who else is shown the batches.
    pub(super) fn chain(
        &self,
        worker: usize,
        on_trial: impl Fn(&Version) -> bool,
        taps: Vec<Tap>,
    ) -> Chain {
        let stages = self.stages.iter().filter_map(|planned| {
            let instance = planned.instances.get(worker)?;
            Some(Stage {
                id: planned.version.id.clone(),
                on_error: planned.version.spec.on_error,
                instance: Arc::clone(instance),
                on_trial: on_trial(&planned.version),
                output: StageOutput::of(&planned.version),
                measures_time: planned.version.measures_time(),
            })
        });
        Chain::new(Arc::clone(&self.projection), stages.collect())
            .tapped(taps)
            .watched(self.watched.clone())
            .noting(self.noting.clone())
    }

    /// How many of its lanes are given empty batches when time has passed: each of `shards` shards, or the one instance that
    /// sees everything; none if no plugin measures what has not come.
    pub(super) fn timed_lanes(&self, shards: usize) -> usize {
        let timed = self.stages.iter().map(|planned| &planned.version);
        let timed = timed.filter(|version| version.measures_time());
        let lanes = timed.map(|version| match version.declared.sharding {
            Sharding::ByTrace => shards,
            Sharding::Whole | Sharding::None => 1,
        });
        lanes.max().unwrap_or(0)
    }

    /// The stage that does what a version is to do.
    pub(super) fn planned(&self, version: &Version) -> Option<&PlannedStage> {
        let mut stages = self.stages.iter();
        stages.find(|planned| planned.version.takes_place_of(version))
    }

    /// Whether the other has the same plugins in the same order.
    pub(super) fn is_like(&self, other: &SegmentPlan) -> bool {
        let same = |(one, other): (&PlannedStage, &PlannedStage)| {
            Arc::ptr_eq(&one.version, &other.version)
        };
        self.stages.len() == other.stages.len() && self.stages.iter().zip(&other.stages).all(same)
    }
}

impl Segment {
    /// # Errors
    ///
    /// If rows that its last plugin holds are to be stored and cannot be.
    pub(super) fn new(
        pipeline: &PipelineId,
        plan: SegmentPlan,
        lanes: usize,
        joint: Option<JointPlan>,
        memory: &Arc<HeldMemory>,
    ) -> Result<Self, StorageError> {
        let chain = |worker| plan.chain(worker, |_| false, Vec::new());
        let segment = Segment {
            lanes: (0..lanes).map(|worker| Lane::new(chain(worker))).collect(),
            joint: joint
                .map(|joint| Joint::new(pipeline, joint, memory))
                .transpose()?,
            plan: Mutex::new(plan),
        };
        segment.recover();
        Ok(segment)
    }

    /// Gives every lane a chain of the same plugins, with other taps. Not for one that is on trial.
    pub(super) fn refit(&self, plan: &SegmentPlan, taps: impl Fn(usize) -> Vec<Tap>) {
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
    pub(super) fn plan(&self) -> MutexGuard<'_, SegmentPlan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Holds for Pipeline {
    fn component(&self) -> String {
        format!("pipeline {}", self.id)
    }

    fn held(&self) -> PerSignal<u64> {
        let joints = self.segments.iter().filter_map(|s| s.joint.as_ref());
        let items: usize = joints.map(Joint::held_items).sum();
        let mut held = PerSignal::default();
        *held.get_mut(self.id.signal) = items as u64;
        held
    }
}

impl Pipeline {
    pub(super) fn new(id: PipelineId, segments: Vec<Segment>, watchers: Watchers) -> Arc<Self> {
        Arc::new(Pipeline {
            id,
            segments,
            watchers,
            destinations: RwLock::default(),
            retired: CancellationToken::new(),
            users: TaskTracker::new(),
        })
    }

    /// Waits until nothing leads to the pipeline and nothing is in it but what its batchers hold.
    pub(super) async fn unused(&self) {
        self.users.close();
        self.users.wait().await;
    }

    /// The gates in front of it at the moment.
    pub(super) fn gates(&self) -> Arc<[Arc<MemoryGate>]> {
        Arc::clone(&self.destinations().gates)
    }

    /// Whether requests that receivers give it may share batches.
    pub(super) fn coalesces(&self) -> bool {
        self.destinations().coalesces
    }

    /// The exporters that it leads to at the moment.
    pub(super) fn fanout(&self) -> FanoutUse {
        FanoutUse::of(&self.destinations().fanout)
    }

    pub(super) fn destinations(&self) -> RwLockReadGuard<'_, Destinations> {
        self.destinations
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Leads it elsewhere, from the next delivery on. Returns where it led before.
    pub(super) fn set_destinations(&self, destinations: Destinations) -> Destinations {
        let now = self.destinations.write();
        let mut now = now.unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, destinations)
    }

    /// The joints in it, in order.
    pub(super) fn joints(&self) -> impl Iterator<Item = JointPlan> {
        let joints = self.segments.iter().filter_map(|s| s.joint.as_ref());
        joints.map(Joint::plan)
    }

    /// The stage that does what a version is to do.
    pub(super) fn planned(&self, version: &Version) -> Option<PlannedStage> {
        let mut plans = self.segments.iter().map(Segment::plan);
        plans.find_map(|plan| plan.planned(version).cloned())
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

    /// Destinations the trials of a pipeline that gets no more batches.
    pub(super) fn abandon_trials(&self) {
        for lane in self.segments.iter().flat_map(|segment| &segment.lanes) {
            drop(lane.hold().abandon());
        }
    }

    /// Room in the joint behind a segment for what has left it, or `None` if there is none.
    pub(super) fn reserve(
        &self,
        segment: usize,
        output: &SegmentOutput,
    ) -> Option<RoomReservation<'_>> {
        let bytes = output.spliced.bytes.len();
        let next = self.joint(segment + 1).and_then(Joint::held);
        if next.is_some_and(|held| !held.has_room(bytes)) {
            return None;
        }
        self.joint(segment)?.reserve(output)
    }

    /// Makes a worker's instances that are to be made when they are needed, so that no batch has to wait for them.
    pub(super) fn warm(&self, worker: usize) {
        for segment in &self.segments {
            let stages = segment.plan().stages.clone();
            for (stage, instance) in stages
                .iter()
                .filter_map(|stage| Some((stage, stage.instances.get(worker)?)))
            {
                let mut instance = instance.lock().unwrap_or_else(PoisonError::into_inner);
                if let Err(fault) = instance.warm() {
                    // The first batch meets it again, and follows `on_error`.
                    tracing::warn!(plugin = %stage.version.id, %fault, "cannot make an instance");
                }
            }
        }
    }

    /// The joint behind a segment; `None` behind the last.
    pub(super) fn joint(&self, segment: usize) -> Option<&Joint> {
        self.segments.get(segment)?.joint.as_ref()
    }
}
