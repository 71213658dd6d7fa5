//! Other plugins for segments that run: state is handed over and lanes are switched between two batches, one
//! worker after the other. The old chains stand by until the change has passed its trial.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use spanmill_runtime::Fault;
use thiserror::Error;

use super::chain::{Chain, StageInstance};
use super::lane::Lane;
use super::segments::{Pipeline, PlannedStage, SegmentPlan};
use super::trial::Trial;
use super::version::Version;
use crate::config::{ComponentId, PipelineId};

/// Plans for some segments, in place of the ones they have.
pub struct Change {
    segments: Vec<SegmentChange>,
}

struct SegmentChange {
    pipeline: Arc<Pipeline>,
    segment: usize,
    old: SegmentPlan,
    new: SegmentPlan,
}

/// A version in place of another.
pub struct VersionReplacement {
    /// What ran.
    pub old: Arc<Version>,
    /// What runs.
    pub new: Arc<Version>,
    /// Whether the old one's state was handed over.
    pub state_handed_over: bool,
}

/// A change that was made.
pub struct SwitchReport {
    /// What has begun with it.
    pub trial: Arc<Trial>,
    /// From the first lane to the last, waiting for batches under way included.
    pub took: Duration,
    /// The longest that a lane was kept from its next batch.
    pub held: Duration,
}

/// Why a change was not made.
#[derive(Debug, Error)]
pub enum ChangeError {
    /// The old version could not say what it knows.
    #[error("plugin {id}: the running version does not hand over its state: {fault}")]
    Snapshot {
        /// The component.
        id: ComponentId,
        /// Its fault.
        fault: Fault,
    },
    /// The new version could not take it over.
    #[error("plugin {id}: the new version {fault}")]
    Restore {
        /// The component.
        id: ComponentId,
        /// Its fault.
        fault: Fault,
    },
}

/// The longest that a lane was held, and chains that are of no more use.
type Lanes = (Duration, Vec<Chain>);

/// How long a lane is given before it is looked at whether its worker is idle.
const NUDGE: Duration = Duration::from_micros(200);

/// Two instances, and whose they are.
struct InstancePair {
    id: ComponentId,
    old: Arc<Mutex<StageInstance>>,
    new: Arc<Mutex<StageInstance>>,
}

impl Change {
    pub(super) fn new(segments: Vec<(Arc<Pipeline>, usize, SegmentPlan)>) -> Self {
        let changed = |(pipeline, segment, new): (Arc<Pipeline>, usize, SegmentPlan)| {
            let old = pipeline.segments.get(segment)?.plan().clone();
            Some(SegmentChange {
                pipeline,
                segment,
                old,
                new,
            })
        };
        Change {
            segments: segments.into_iter().filter_map(changed).collect(),
        }
    }

    /// Whether there is nothing to change.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// The components that have another version, or none, or are new.
    pub fn components(&self) -> Vec<String> {
        let mut ids = BTreeSet::new();
        for changed in &self.segments {
            let new = changed.new.stages.iter().map(|planned| &planned.version);
            let new = new.filter(|version| changed.is_new(version));
            ids.extend(new.map(|version| version.id.to_string()));
        }
        ids.into_iter().collect()
    }

    /// The pipelines that have other plugins.
    pub fn pipelines(&self) -> Vec<PipelineId> {
        let ids = self.segments.iter();
        ids.map(|changed| changed.pipeline.id.clone()).collect()
    }

    /// Tries handing over, so that a version that cannot is known before anything is switched. Gives the versions
    /// that take another's place.
    pub fn rehearse(&self) -> Result<Vec<VersionReplacement>, ChangeError> {
        let mut replaced: BTreeMap<&ComponentId, VersionReplacement> = BTreeMap::new();
        for changed in &self.segments {
            for (old, new) in changed.replaced() {
                let mut state_handed_over = false;
                for worker in 0..new.instances.len() {
                    if let Some(pair) = InstancePair::of(old, new, worker) {
                        state_handed_over |= pair.hand_over()?;
                    }
                }
                let known = replaced
                    .entry(&new.version.id)
                    .or_insert_with(|| VersionReplacement {
                        old: Arc::clone(&old.version),
                        new: Arc::clone(&new.version),
                        state_handed_over,
                    });
                known.state_handed_over |= state_handed_over;
            }
        }
        Ok(replaced.into_values().collect())
    }

    /// Switches every lane. On an error, all is as it was.
    pub fn switch(&self, probation: u32) -> Result<SwitchReport, ChangeError> {
        let trial = Trial::new(self.pipelines(), probation);
        let began = Instant::now();
        let mut held = Duration::ZERO;
        let mut of_no_use = Vec::new();
        for (number, changed) in self.segments.iter().enumerate() {
            let switched = match changed.shares_instances() {
                true => changed.switch_at_once(&trial, number),
                false => changed.switch_each(&trial, number),
            };
            match switched {
                Ok((longest, chains)) => {
                    held = held.max(longest);
                    of_no_use.extend(chains);
                }
                Err(error) => {
                    self.revert(&trial);
                    return Err(error);
                }
            }
        }
        let took = began.elapsed();
        for changed in &self.segments {
            changed.set_plan(&changed.new);
        }
        drop(of_no_use);
        Ok(SwitchReport { trial, took, held })
    }

    /// Puts every lane back to what stood by.
    pub fn revert(&self, trial: &Arc<Trial>) {
        for changed in &self.segments {
            for lane in changed.lanes() {
                let chain = lane.hold().revert_of(trial);
                drop(chain);
            }
            // Another change may have come since.
            if changed.plan_is(&changed.new) {
                changed.set_plan(&changed.old);
            }
        }
    }

    /// Lets go of what stood by.
    pub fn settle(&self, trial: &Arc<Trial>) {
        for lane in self.segments.iter().flat_map(SegmentChange::lanes) {
            let chain = lane.hold().settle(trial);
            drop(chain);
        }
    }
}

impl SegmentChange {
    fn lanes(&self) -> &[Lane] {
        let segment = self.pipeline.segments.get(self.segment);
        segment.map_or(&[], |segment| &segment.lanes)
    }

    fn plan_is(&self, plan: &SegmentPlan) -> bool {
        let segment = self.pipeline.segments.get(self.segment);
        segment.is_some_and(|segment| segment.plan().is_like(plan))
    }

    fn set_plan(&self, plan: &SegmentPlan) {
        if let Some(segment) = self.pipeline.segments.get(self.segment) {
            *segment.plan() = plan.clone();
        }
    }

    /// Components that have another version now.
    fn replaced(&self) -> impl Iterator<Item = (&PlannedStage, &PlannedStage)> {
        self.new.stages.iter().filter_map(|new| {
            let old = self.old.planned(&new.version)?;
            (!Arc::ptr_eq(&old.version, &new.version)).then_some((old, new))
        })
    }

    /// Whether this version is new here.
    fn is_new(&self, version: &Version) -> bool {
        let old = self.old.planned(version);
        !old.is_some_and(|old| std::ptr::eq(&*old.version, version))
    }

    fn shares_instances(&self) -> bool {
        self.replaced()
            .any(|(old, new)| old.is_shared() || new.is_shared())
    }

    fn chain(&self, worker: usize) -> Chain {
        self.new
            .chain(worker, |version| self.is_new(version), Vec::new())
    }

    /// Each lane at its own next gap between two batches: each worker has instances of its own.
    fn switch_each(&self, trial: &Arc<Trial>, number: usize) -> Result<Lanes, ChangeError> {
        let (done, switched) = mpsc::channel();
        for (worker, lane) in self.lanes().iter().enumerate() {
            let chain = self.chain(worker);
            let replaced = self.replaced();
            let pairs: Vec<_> = replaced
                .filter_map(|(old, new)| InstancePair::of(old, new, worker))
                .collect();
            let (trial, done) = (Arc::clone(trial), done.clone());
            lane.post(Box::new(move |running| {
                let began = Instant::now();
                let handed_over = pairs
                    .iter()
                    .try_for_each(|pair| pair.hand_over().map(|_| ()));
                let result = handed_over.map(|()| {
                    let of_no_use = running.switch(chain, Some((trial, number)));
                    (began.elapsed(), of_no_use)
                });
                // Whoever asked waits for it.
                let _ = done.send(result);
            }));
        }
        drop(done);
        let mut longest = Duration::ZERO;
        let mut of_no_use = Vec::new();
        let mut failed = Ok(());
        loop {
            match switched.recv_timeout(NUDGE) {
                Ok(Ok((held, chains))) => {
                    longest = longest.max(held);
                    of_no_use.extend(chains);
                }
                Ok(Err(error)) => failed = Err(error),
                // A worker that went idle just as it was asked.
                Err(RecvTimeoutError::Timeout) => self.lanes().iter().for_each(Lane::nudge),
                // Every lane has done it.
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        failed.map(|()| (longest, of_no_use))
    }

    /// All lanes together: an instance that all workers share must not see a batch between its snapshot and the
    /// switch.
    fn switch_at_once(&self, trial: &Arc<Trial>, number: usize) -> Result<Lanes, ChangeError> {
        let workers = self.lanes().len();
        let chains: Vec<_> = (0..workers).map(|worker| self.chain(worker)).collect();
        let mut began = None;
        let mut held = Vec::with_capacity(workers);
        for lane in self.lanes() {
            held.push(lane.hold());
            began.get_or_insert_with(Instant::now);
        }
        for (old, new) in self.replaced() {
            for worker in 0..workers {
                if let Some(pair) = InstancePair::of(old, new, worker) {
                    pair.hand_over()?;
                }
            }
        }
        let mut of_no_use = Vec::new();
        for (running, chain) in held.iter_mut().zip(chains) {
            of_no_use.extend(running.switch(chain, Some((Arc::clone(trial), number))));
        }
        drop(held);
        Ok((
            began.map_or(Duration::ZERO, |began| began.elapsed()),
            of_no_use,
        ))
    }
}

impl PlannedStage {
    /// The instance, if there is but one.
    pub(super) fn only_instance(&self) -> Option<&Arc<Mutex<StageInstance>>> {
        match self.instances.as_slice() {
            [only] => Some(only),
            [first, ..] if self.is_shared() => Some(first),
            _ => None,
        }
    }

    /// Whether all workers have the same instance. A single worker's is its own.
    fn is_shared(&self) -> bool {
        matches!(self.instances.as_slice(), [first, second, ..] if Arc::ptr_eq(first, second))
    }
}

impl InstancePair {
    /// The instances of a worker, if the one's state can be the other's: what several instances know cannot become
    /// one's, nor the other way round. Shared ones are the first worker's.
    fn of(old: &PlannedStage, new: &PlannedStage, worker: usize) -> Option<Self> {
        if old.is_shared() != new.is_shared() || (new.is_shared() && worker > 0) {
            return None;
        }
        Some(InstancePair {
            id: new.version.id.clone(),
            old: old.instances.get(worker).map(Arc::clone)?,
            new: new.instances.get(worker).map(Arc::clone)?,
        })
    }

    /// Gives whether there was state to hand over.
    fn hand_over(&self) -> Result<bool, ChangeError> {
        let snapshot = lock(&self.old).snapshot();
        let snapshot = snapshot.map_err(|fault| ChangeError::Snapshot {
            id: self.id.clone(),
            fault,
        })?;
        let Some(snapshot) = snapshot else {
            return Ok(false);
        };
        let restored = lock(&self.new).restore(&snapshot);
        restored.map_err(|fault| ChangeError::Restore {
            id: self.id.clone(),
            fault,
        })
    }
}

fn lock(instance: &Mutex<StageInstance>) -> MutexGuard<'_, StageInstance> {
    // A slot replaces its instance after any fault, so a panic cannot leave a half-made one.
    instance.lock().unwrap_or_else(PoisonError::into_inner)
}
