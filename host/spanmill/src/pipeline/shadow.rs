//! Shadows: another version of a plugin is shown live batches, in a thread of its own and without effect, and its
//! answers are compared with those of the one that runs.

mod compare;
mod report;

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use spanmill_otlp::{Outcome, Workspace};
use spanmill_runtime::{Answer, ConfigureError, Fault, Slot, Snapshot, Tries};

use super::chain::{ConnectorPiece, StageOutput};
use super::version::Version;
use crate::config::ComponentId;
use crate::metrics::{Measured, Recorder, Totals};
pub use report::ShadowStats;

/// Batches that may wait for the shadow, a few more than a request of 4 MiB, the usual limit, has parts; while there is
/// no room, it is not shown any.
const WAITING: usize = 8;

/// A shadow of some components.
pub struct Shadow {
    versions: Vec<Arc<Version>>,
    jobs: async_channel::Sender<Job>,
    seen: Arc<Mutex<ShadowStats>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Where a chain shows its batches to a shadow.
#[derive(Clone)]
pub(super) struct Tap {
    /// The stage that is shadowed.
    pub(super) at: usize,
    /// The shadow's number in the projection.
    number: usize,
    /// Which of the shadow's versions.
    version: usize,
    jobs: async_channel::Sender<Job>,
    seen: Arc<Mutex<ShadowStats>>,
}

/// A batch as the plugin that runs saw it.
struct Job {
    workspace: Box<Workspace>,
    at: usize,
    number: usize,
    version: usize,
    live: Live,
}

/// What the plugin that runs made of a batch.
enum Live {
    Outcome(Outcome),
    Measured(Measured),
    Pieces(Vec<ConnectorPiece>),
}

/// A batch of which it is not known yet what the plugin that runs makes of it.
pub(super) struct MirroredBatch {
    tap: Tap,
    workspace: Box<Workspace>,
}

/// A shadow's instance of one component.
struct Instance {
    slot: Slot,
    recorder: Option<Recorder>,
    output: StageOutput,
}

impl Shadow {
    /// Makes instances of the versions, and a thread that runs them until the shadow and its taps are dropped.
    /// `state` gives what the instance that runs knows of earlier batches, where there is but one.
    pub fn start(
        versions: Vec<Arc<Version>>,
        state: impl Fn(&ComponentId) -> Result<Option<Snapshot>, Fault>,
    ) -> Result<Self, StartError> {
        let mut instances = Vec::with_capacity(versions.len());
        for version in &versions {
            let streams = version.declared.metrics.as_ref();
            let mut slot = version.instantiate()?;
            if let Some(snapshot) = state(&version.id)? {
                slot.restore(&snapshot)?;
            }
            instances.push(Instance {
                slot,
                recorder: streams.map(|stream| Recorder::new(&Totals::new(stream.clone()))),
                output: StageOutput::of(version),
            });
        }
        let (jobs, queue) = async_channel::bounded(WAITING);
        let seen = Arc::new(Mutex::new(ShadowStats::default()));
        let to = Arc::clone(&seen);
        let thread = std::thread::Builder::new()
            .name("shadow".to_owned())
            .spawn(move || {
                while let Ok(job) = queue.recv_blocking() {
                    work(&mut instances, job, &to);
                }
            })?;
        Ok(Shadow {
            versions,
            jobs,
            seen,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The versions that it runs.
    pub fn versions(&self) -> &[Arc<Version>] {
        &self.versions
    }

    /// Takes no more batches, and waits until it has processed those it has: what it has seen is final then. Blocks for
    /// the time of a few calls.
    pub fn finish(&self) {
        self.jobs.close();
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // One that panicked has nothing more to say.
            let _ = thread.join();
        }
    }

    /// What it has seen so far.
    pub fn seen(&self) -> ShadowStats {
        lock(&self.seen).clone()
    }

    /// A tap of one of its versions, for a stage; `number` is the shadow's in the chain's projection.
    pub(super) fn tap(&self, version: usize, at: usize, number: usize) -> Tap {
        Tap {
            at,
            number,
            version,
            jobs: self.jobs.clone(),
            seen: Arc::clone(&self.seen),
        }
    }
}

/// Why a shadow did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A version that was configured once could not be instantiated again.
    #[error(transparent)]
    Instance(#[from] ConfigureError),
    /// The state of the version that runs was not handed over.
    #[error(transparent)]
    State(#[from] Fault),
    /// There is no thread to be had.
    #[error("cannot start a thread for the shadow: {0}")]
    Thread(#[from] std::io::Error),
}

fn lock(seen: &Mutex<ShadowStats>) -> std::sync::MutexGuard<'_, ShadowStats> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tap {
    /// Keeps a batch as it is before the stage, if the shadow has room for it.
    pub(super) fn before(&self, workspace: &Workspace) -> Option<MirroredBatch> {
        if self.jobs.is_full() {
            lock(&self.seen).batches_skipped += 1;
            return None;
        }
        Some(MirroredBatch {
            tap: self.clone(),
            workspace: Box::new(workspace.clone()),
        })
    }
}

impl MirroredBatch {
    /// The plugin that runs is a processor, and answered this.
    pub(super) fn outcome(self, outcome: Outcome) {
        self.send(Live::Outcome(outcome));
    }

    /// The plugin that runs is a connector, and measured this.
    pub(super) fn measured(self, measured: Measured) {
        self.send(Live::Measured(measured));
    }

    /// The plugin that runs is a connector, and gave this to other pipelines.
    pub(super) fn records(self, pieces: Vec<ConnectorPiece>) {
        self.send(Live::Pieces(pieces));
    }

    fn send(self, live: Live) {
        let job = Job {
            workspace: self.workspace,
            at: self.tap.at,
            number: self.tap.number,
            version: self.tap.version,
            live,
        };
        // Another worker took the last room.
        if self.tap.jobs.try_send(job).is_err() {
            lock(&self.tap.seen).batches_skipped += 1;
        }
    }
}

/// Runs one batch and compares.
fn work(instances: &mut [Instance], mut job: Job, seen: &Mutex<ShadowStats>) {
    let Some(Instance {
        slot,
        recorder,
        output,
    }) = instances.get_mut(job.version)
    else {
        return;
    };
    let spans = job.workspace.item_count();
    let Some(view) = job.workspace.view(job.number) else {
        return;
    };
    let began = Instant::now();
    let answer = slot.process(&view, Tries::Once);
    let took = began.elapsed();
    let fresh = slot.take_fresh();
    let compared = answer.and_then(|answer| match (answer, &job.live, recorder) {
        (Answer::Outcome(shadow), Live::Outcome(live), _) => {
            compare::outcomes(&job.workspace, (job.at, live), (job.number, &shadow))
                .map_err(Fault::from)
                .inspect_err(|fault| slot.note(fault))
        }
        (Answer::Emission(emission), Live::Measured(live), Some(recorder)) => {
            if fresh {
                recorder.reset();
            }
            let shadow = recorder
                .take(emission, &job.workspace, job.number, live.now_unix_nano())
                .inspect_err(|fault| slot.note(fault))?;
            Ok(compare::measured(live, &shadow))
        }
        (Answer::Records(records), Live::Pieces(live), _) => output
            .records(&job.workspace, job.number, &records)
            .map(|shadow| compare::pieces(live, &shadow))
            .map_err(Fault::from)
            .inspect_err(|fault| slot.note(fault)),
        (Answer::Routes(routes), Live::Pieces(live), _) => output
            .routes(&job.workspace, job.number, &routes)
            .map(|(shadow, _)| compare::pieces(live, &shadow))
            .map_err(Fault::from)
            .inspect_err(|fault| slot.note(fault)),
        // A plugin shadows one in the same role.
        _ => Ok(report::Difference::default()),
    });
    // It tells of itself in the log.
    let _ = slot.recycle();
    let mut seen = lock(seen);
    match compared {
        Ok(difference) => seen.batch(spans, took, difference),
        // It was not called.
        Err(Fault::Quarantined(_)) => seen.batches_skipped += 1,
        Err(fault) => seen.fault(&fault, took),
    }
}
