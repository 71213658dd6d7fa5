//! The pipelines that run, and how others come in their place: everything that can fail is done first, then the
//! switch, and what is of no more use drains behind it.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use spanmill_otlp::ContractError;
use spanmill_runtime::{Fault, Role, Snapshot};
use thiserror::Error;
use tokio::time::Instant;

use super::build::{BuildError, Builder, ByConnector, ByPipeline, PreparedPipeline, projection};
use super::change::{Change, ChangeError, SwitchReport, VersionReplacement};
use super::fanout::Fanout;
use super::gate::MemoryGate;
use super::intake::{Feed, Intake};
use super::load::LoadedPlugin;
use super::pipelines::{Bounds, Pipelines, WorkerCount, Workers};
use super::segments::{Destinations, Pipeline, PipelineUse, SegmentPlan};
use super::senders::warn_of_headers;
use super::shadow::Shadow;
use super::version::Version;
use crate::config::{self, ComponentId, HostProcessor, Manifest, PipelineId, Processor, Signal};
use crate::export::Exporter;
use crate::metrics::Totals;

/// The exporters that run, by id.
pub type Exporters = BTreeMap<ComponentId, Exporter>;

/// The pipelines that run, and what belongs to them.
pub struct Topology {
    pipelines: Pipelines,
    threads: Workers,
    workers: WorkerCount,
    /// The memory that the process may use, in bytes.
    available: Option<u64>,
    running: ByPipeline,
    totals: ByConnector,
    feeds: BTreeMap<ComponentId, Arc<Feed>>,
    gates: BTreeMap<ComponentId, (config::MemoryLimiter, Arc<MemoryGate>)>,
}

/// Pipelines that are ready to run, in place of those that do.
pub struct Prepared {
    made: Vec<Arc<Pipeline>>,
    new: Vec<Arc<Pipeline>>,
    change: Arc<Change>,
    totals: ByConnector,
}

/// What has come in place of what.
pub struct Committed {
    /// The lanes that were switched, if any were.
    pub switched: Option<(Arc<Change>, SwitchReport)>,
    /// Pipelines that get no more requests; to be given to [`Topology::retire`].
    pub retired: Vec<Arc<Pipeline>>,
    /// Where deliveries under way may still go.
    pub fanouts: Vec<Arc<Fanout>>,
}

impl Topology {
    /// Starts the workers, without pipelines; must be called within a tokio runtime.
    /// `available` is the memory that the process may use, in bytes.
    pub fn start(
        workers: WorkerCount,
        bounds: Bounds,
        available: Option<u64>,
    ) -> Result<Self, BuildError> {
        let (pipelines, threads) = Pipelines::start(workers, bounds)?;
        Ok(Topology {
            pipelines,
            threads,
            workers,
            available,
            running: ByPipeline::new(),
            totals: ByConnector::new(),
            feeds: BTreeMap::new(),
            gates: BTreeMap::new(),
        })
    }

    /// Makes what a manifest asks for and does not run yet. `plugins` need not have those that are to stay.
    pub fn prepare(
        &self,
        manifest: &Manifest,
        plugins: &mut BTreeMap<ComponentId, LoadedPlugin>,
    ) -> Result<Prepared, BuildError> {
        let mut totals = self.totals.clone();
        let mut builder = Builder {
            manifest,
            plugins,
            running: &self.running,
            totals: &mut totals,
            workers: self.workers.workers,
            lanes: self.workers.lanes(),
            held: self.pipelines.held(),
            watchers: self.pipelines.watchers(),
            ledger: self.pipelines.ledger(),
            // At the start, the first worker's are enough to be ready; the other workers make their own before they begin.
            // Later, whatever can fail must have failed before anything is replaced.
            eager: match self.running.is_empty() {
                true => 1,
                false => self.workers.workers,
            },
        };
        let mut prepared = Vec::new();
        let mut new = Vec::new();
        let mut segments: Vec<(Arc<Pipeline>, usize, SegmentPlan)> = Vec::new();
        for made in builder.pipelines()? {
            match made {
                PreparedPipeline::Kept { pipeline, changed } => {
                    let here = changed.into_iter();
                    segments.extend(here.map(|(at, plan)| (Arc::clone(&pipeline), at, plan)));
                    prepared.push(pipeline);
                }
                PreparedPipeline::New(pipeline) => {
                    new.push(Arc::clone(&pipeline));
                    prepared.push(pipeline);
                }
            }
        }
        totals.retain(|id, _| manifest.connectors.contains_key(id));
        for pipeline in &new {
            let versions = pipeline.versions();
            versions
                .iter()
                .for_each(|it| self.pipelines.regard_senders(it));
            warn_of_headers(pipeline, manifest, versions.iter().map(Arc::as_ref));
        }
        for (pipeline, _, plan) in &segments {
            let versions = plan.stages.iter().map(|stage| stage.version.as_ref());
            versions
                .clone()
                .for_each(|it| self.pipelines.regard_senders(it));
            warn_of_headers(pipeline, manifest, versions);
        }
        Ok(Prepared {
            made: prepared,
            new,
            change: Arc::new(Change::new(segments)),
            totals,
        })
    }

    /// Puts what was prepared in place. On an error everything is as it was. Blocks for the time of a batch.
    pub fn commit(
        &mut self,
        manifest: &Manifest,
        prepared: Prepared,
        exporters: &Exporters,
        probation: u32,
    ) -> Result<Committed, ChangeError> {
        let switched = match prepared.change.is_empty() {
            true => None,
            false => {
                let switched = prepared.change.switch(probation)?;
                Some((Arc::clone(&prepared.change), switched))
            }
        };
        self.gates.retain(|id, (config, _)| {
            matches!(manifest.processors.get(id), Some(Processor::Host(HostProcessor::MemoryLimiter(now))) if now == config)
        });
        let running: ByPipeline = prepared
            .made
            .iter()
            .map(|pipeline| (pipeline.id.clone(), Arc::clone(pipeline)))
            .collect();
        let before = std::mem::replace(&mut self.running, running);
        let mut fanouts = Vec::new();
        for pipeline in &prepared.made {
            let config = manifest.pipelines.iter().find(|c| c.id == pipeline.id);
            if let Some(config) = config {
                let destinations = self.destinations(manifest, config, exporters);
                fanouts.push(pipeline.set_destinations(destinations).fanout);
            }
        }
        for pipeline in &prepared.new {
            self.pipelines.add(Arc::clone(pipeline));
        }
        self.pipelines.have_begun();
        self.totals = prepared.totals;
        self.feed(manifest);
        let is_gone = |pipeline: &Arc<Pipeline>| {
            let now = self.running.get(&pipeline.id);
            !now.is_some_and(|now| Arc::ptr_eq(now, pipeline))
        };
        let retired: Vec<_> = before.into_values().filter(is_gone).collect();
        for pipeline in &retired {
            pipeline.abandon_trials();
        }
        Ok(Committed {
            switched,
            retired,
            fanouts,
        })
    }

    /// Where a pipeline leads, and the gates on the way.
    fn destinations(
        &mut self,
        manifest: &Manifest,
        config: &config::Pipeline,
        exporters: &Exporters,
    ) -> Destinations {
        let (forwards, connected) = onward(manifest, config, &self.running);
        let mut gates = Vec::new();
        self.add_gates(manifest, config, &mut gates);
        Destinations {
            fanout: Arc::new(Fanout::of(config, exporters)),
            gates: gates.into(),
            forwards,
            connected,
            coalesces: config.coalesce,
        }
    }

    /// Adds the gates of a pipeline and of those that it leads to at once. No pipeline leads back to itself.
    fn add_gates(
        &mut self,
        manifest: &Manifest,
        config: &config::Pipeline,
        gates: &mut Vec<Arc<MemoryGate>>,
    ) {
        for id in &config.processors {
            if let Some(Processor::Host(HostProcessor::MemoryLimiter(limiter))) =
                manifest.processors.get(id)
            {
                let (_, gate) = self.gates.entry(id.clone()).or_insert_with(|| {
                    (limiter.clone(), MemoryGate::start(limiter, self.available))
                });
                gates.push(Arc::clone(gate));
            }
        }
        for (id, _) in manifest.connectors_of(config) {
            for onward in manifest.fed_by(id) {
                // What is measured goes on later, and has its own way in.
                if self.gives_at_once(config, id, onward.id.signal) {
                    self.add_gates(manifest, onward, gates);
                }
            }
        }
    }

    /// Whether a connector at the end of a pipeline gives what it makes of a batch to pipelines of a signal before the batch
    /// is answered.
    fn gives_at_once(&self, config: &config::Pipeline, id: &ComponentId, to: Signal) -> bool {
        let versions = self.running.get(&config.id);
        let versions = versions.map(|pipeline| pipeline.versions());
        let versions = versions.unwrap_or_default();
        let mut versions = versions
            .iter()
            .filter(|version| version.id == *id)
            .peekable();
        if versions.peek().is_none() {
            return to == config.id.signal;
        }
        versions.any(|version| match &version.plugin_role {
            Role::Router { signal, .. } => *signal == to,
            Role::RecordConnector => {
                let records = version.declared.records.as_ref();
                records.is_some_and(|records| records.signal() == to)
            }
            Role::Connector | Role::Processor => false,
        })
    }

    /// Leads each receiver and each connector to its pipelines.
    fn feed(&mut self, manifest: &Manifest) {
        let (receivers, connectors) = (&manifest.receivers, &manifest.connectors);
        self.feeds
            .retain(|id, _| receivers.contains_key(id) || connectors.contains_key(id));
        for id in receivers.keys().chain(connectors.keys()) {
            let feed = self.feeds.entry(id.clone()).or_default();
            for signal in Signal::ALL {
                let fed = manifest.pipelines.iter().filter(|pipeline| {
                    pipeline.id.signal == signal && pipeline.receivers.contains(id)
                });
                let fed = fed.filter_map(|config| self.running.get(&config.id));
                feed.set(signal, fed.map(PipelineUse::of).collect());
            }
        }
    }

    /// The way in for a receiver; `None` if the manifest has none of that id.
    pub fn intake(&self, receiver: &ComponentId) -> Option<Intake> {
        let feed = self.feeds.get(receiver)?;
        Some(self.pipelines.intake(receiver.clone(), Arc::clone(feed)))
    }

    /// The way in for what a connector measures; `None` if the manifest has none of that id.
    pub fn connector_intake(&self, connector: &ComponentId) -> Option<Intake> {
        let feed = Arc::clone(self.feeds.get(connector)?);
        Some(self.pipelines.connector_intake(connector.clone(), feed))
    }

    /// The pipelines themselves, for draining them.
    pub fn pipelines(&self) -> &Pipelines {
        &self.pipelines
    }

    /// The totals of each connector.
    pub fn totals(&self) -> &BTreeMap<ComponentId, Arc<Totals>> {
        &self.totals
    }

    /// What the instance of a component knows of earlier batches; nothing if workers have an instance each.
    pub fn state_of(&self, id: &ComponentId) -> Result<Option<Snapshot>, Fault> {
        for segment in self
            .running
            .values()
            .flat_map(|pipeline| &pipeline.segments)
        {
            let mut stages = segment.plan().stages.clone();
            stages.retain(|planned| planned.version.id == *id);
            let planned = stages.into_iter().next();
            let instance = planned.as_ref().and_then(|planned| planned.only_instance());
            if let Some(instance) = instance {
                let mut instance = instance.lock().unwrap_or_else(PoisonError::into_inner);
                return instance.snapshot();
            }
        }
        Ok(None)
    }

    /// Shows the batches of some components to a shadow as well.
    pub fn tap(&self, shadow: &Shadow) -> Result<(), TapError> {
        let mut tapped = Vec::new();
        for pipeline in self.running.values() {
            for segment in &pipeline.segments {
                let plan = segment.plan().clone();
                let mut shown = Vec::new();
                let mut versions = Vec::new();
                for (at, planned) in plan.stages.iter().enumerate() {
                    let all = shadow.versions().iter();
                    let same = |version: &Arc<Version>| version.takes_place_of(&planned.version);
                    if let Some(version) = all.clone().position(same) {
                        shown.push((version, at, plan.stages.len() + versions.len()));
                        versions.extend(all.skip(version).take(1).cloned());
                    }
                }
                if shown.is_empty() {
                    continue;
                }
                versions
                    .iter()
                    .for_each(|it| self.pipelines.regard_senders(it));
                if segment.lanes.iter().any(|lane| lane.hold().is_on_trial()) {
                    return Err(TapError::OnTrial(pipeline.id.clone()));
                }
                let projection = projection(&plan.stages, &versions, plan.noting.is_some())?;
                tapped.push((segment, SegmentPlan { projection, ..plan }, shown));
            }
        }
        for (segment, plan, shown) in tapped {
            segment.refit(&plan, |_| {
                let taps = shown.iter();
                let taps = taps.map(|(version, at, number)| shadow.tap(*version, *at, *number));
                taps.collect()
            });
        }
        Ok(())
    }

    /// Shows nobody anything any more.
    pub fn untap(&self) {
        for segment in self
            .running
            .values()
            .flat_map(|pipeline| &pipeline.segments)
        {
            let plan = segment.plan().clone();
            segment.refit(&plan, |_| Vec::new());
        }
    }

    /// Goes back to other totals, with the versions that they are of.
    pub fn set_totals(&mut self, totals: ByConnector) {
        self.totals = totals;
    }

    /// The versions that run, and the pipelines that each stands in.
    pub fn versions(&self) -> BTreeMap<ComponentId, (Arc<Version>, Vec<PipelineId>)> {
        let mut versions = BTreeMap::new();
        for pipeline in self.running.values() {
            for version in pipeline.versions() {
                let (_, pipelines) = versions
                    .entry(version.id.clone())
                    .or_insert_with(|| (version, Vec::new()));
                // One with several roles stands in it several times.
                if !pipelines.contains(&pipeline.id) {
                    pipelines.push(pipeline.id.clone());
                }
            }
        }
        versions
    }

    /// Sends on what batchers hold, until the deadline; connectors may still send.
    pub async fn settle(&self, deadline: Instant) {
        self.pipelines.settle(deadline).await;
    }

    /// Sends on what batchers hold, until the deadline, and ends. Receivers and connectors must have stopped.
    pub async fn drain(&self, deadline: Instant) {
        self.pipelines.drain(deadline).await;
    }

    /// Waits for the workers to end, after the pipelines were drained.
    pub fn join(self) {
        drop(self.pipelines);
        self.threads.join();
    }
}

/// The pipelines that take from each connector.
type Connected = Arc<BTreeMap<ComponentId, Vec<PipelineUse>>>;

/// The pipelines that `forward` connectors at the end of a pipeline lead to, and those that take from each connector there.
pub(super) fn onward(
    manifest: &Manifest,
    config: &config::Pipeline,
    pipelines: &ByPipeline,
) -> (Arc<[PipelineUse]>, Connected) {
    let used = |onward: &config::Pipeline| pipelines.get(&onward.id).map(PipelineUse::of);
    let forwards = manifest.forwards(config);
    let forwards = forwards.into_iter().filter_map(used).collect();
    let connectors = manifest.connectors_of(config);
    let plugins = connectors.filter(|(_, connector)| connector.plugin().is_some());
    let connected = plugins.map(|(id, _)| {
        let pipelines = manifest.fed_by(id).filter_map(used).collect();
        (id.clone(), pipelines)
    });
    (forwards, Arc::new(connected.collect()))
}

/// Why a plugin cannot be shadowed now.
#[derive(Debug, Error)]
pub enum TapError {
    /// The old version stands by, and would be let go of.
    #[error("pipeline {0} has a version on probation; wait for its end")]
    OnTrial(PipelineId),
    /// The versions' declarations do not go together.
    #[error(transparent)]
    Contract(#[from] ContractError),
}

impl Prepared {
    /// Whether nothing but exporters and receivers can differ from what runs.
    pub fn changes_nothing(&self, running: &Topology) -> bool {
        self.change.is_empty() && self.new.is_empty() && self.made.len() == running.running.len()
    }

    /// Tries the handing over of state. Gives the versions that take another's place.
    pub fn rehearse(&self) -> Result<Vec<VersionReplacement>, ChangeError> {
        self.change.rehearse()
    }
}
