//! From a manifest and its loaded plugins to pipelines: what is like it was is kept, the rest is made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use spanmill_otlp::{ContractError, Path, Projection, StageContract, Workspace};
use spanmill_runtime::{ConfigureError, Sharding, Slot};
use thiserror::Error;

use super::chain::{Noting, StageInstance, stage_name};
use super::joint::{HeldMemory, JointPlan};
use super::load::LoadedPlugin;
use super::roles::roles;
use super::segments::{Pipeline, PlannedStage, Segment, SegmentPlan};
use super::version::Version;
use super::watch::{WatchedPipeline, Watchers};
use crate::config::{
    self, ComponentId, Connector, HostConnector, HostProcessor, Manifest, PipelineId, Processor,
};
use crate::ledger::Ledger;
use crate::metrics::{Recorder, Totals};
use crate::storage::{StorageError, StorageSettings};

/// Why pipelines could not be built.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A plugin that was configured once could not be instantiated again.
    #[error("plugin {id}: {cause}")]
    Instance {
        /// The component's id.
        id: ComponentId,
        /// Why.
        cause: ConfigureError,
    },
    /// The plugins' declarations do not go together.
    #[error("pipeline {pipeline}: {cause}")]
    Contract {
        /// The pipeline.
        pipeline: String,
        /// Why.
        cause: ContractError,
    },
    /// A component that a pipeline names is missing.
    #[error("pipeline {pipeline}: {id} is not there")]
    Missing {
        /// The pipeline.
        pipeline: String,
        /// The component.
        id: ComponentId,
    },
    /// What a plugin holds cannot be stored.
    #[error("what a plugin holds cannot be stored: {0}")]
    Storage(#[from] StorageError),
    /// A thread could not be started.
    #[error("cannot start the workers: {0}")]
    Threads(#[from] std::io::Error),
}

/// The pipelines by name.
pub type ByPipeline = BTreeMap<PipelineId, Arc<Pipeline>>;

/// The running totals of each connector.
pub type ByConnector = BTreeMap<ComponentId, Arc<Totals>>;

/// A pipeline that is to run.
pub(super) enum PreparedPipeline {
    /// The one there is, with other chains in some of its segments.
    Kept {
        pipeline: Arc<Pipeline>,
        changed: Vec<(usize, SegmentPlan)>,
    },
    /// One that replaces none, or whose joints are others.
    New(Arc<Pipeline>),
}

/// Makes pipelines of a manifest; starts nothing.
pub(super) struct Builder<'a> {
    pub(super) manifest: &'a Manifest,
    /// The plugins as they are to be; one that is missing here is to stay as it runs.
    pub(super) plugins: &'a mut BTreeMap<ComponentId, LoadedPlugin>,
    /// What runs now; empty at the start.
    pub(super) running: &'a ByPipeline,
    /// The connectors' totals; those that must start over are replaced.
    pub(super) totals: &'a mut ByConnector,
    /// How many workers take any work: as many shards are made.
    pub(super) workers: usize,
    /// One lane for each worker, and for the spare one.
    pub(super) lanes: usize,
    /// What held rows may take.
    pub(super) held: Arc<HeldMemory>,
    /// Who may look at what passes.
    pub(super) watchers: Watchers,
    /// Where what becomes of spans is noted, if it is.
    pub(super) ledger: Option<Arc<Ledger>>,
    /// The lanes whose instances are made now; those of the others are made when they are needed.
    pub(super) eager: usize,
}

impl Builder<'_> {
    /// Every pipeline of the manifest, in its order.
    pub(super) fn pipelines(&mut self) -> Result<Vec<PreparedPipeline>, BuildError> {
        let pipelines = self.manifest.pipelines.iter();
        pipelines.map(|pipeline| self.pipeline(pipeline)).collect()
    }

    fn pipeline(&mut self, config: &config::Pipeline) -> Result<PreparedPipeline, BuildError> {
        let running = self.running.get(&config.id).cloned();
        let outline = self.outline(config, running.as_ref())?;
        let kept = running.as_ref().filter(|running| {
            let joints = outline.iter().filter_map(|segment| segment.joint.clone());
            joints.eq(running.joints())
        });
        match kept {
            Some(pipeline) => {
                let mut changed = Vec::new();
                let segments = pipeline.segments.iter().zip(&outline).enumerate();
                for (number, (segment, outline)) in segments {
                    let plan = self.plan(config, outline, Some(pipeline))?;
                    if !plan.is_like(&segment.plan()) {
                        changed.push((number, plan));
                    }
                }
                Ok(PreparedPipeline::Kept {
                    pipeline: Arc::clone(pipeline),
                    changed,
                })
            }
            None => {
                let mut segments = Vec::with_capacity(outline.len());
                for outline in outline {
                    let plan = self.plan(config, &outline, running.as_ref())?;
                    let (joint, lanes) = (outline.joint, self.lanes);
                    segments.push(Segment::new(&config.id, plan, lanes, joint, &self.held)?);
                }
                let pipeline = Pipeline::new(config.id.clone(), segments, self.watchers.clone());
                Ok(PreparedPipeline::New(pipeline))
            }
        }
    }

    /// The segments of a pipeline.
    fn outline(
        &self,
        config: &config::Pipeline,
        running: Option<&Arc<Pipeline>>,
    ) -> Result<Vec<SegmentOutline>, BuildError> {
        let mut outliner = Outliner {
            segments: Vec::new(),
            versions: Vec::new(),
            shards: None,
            storage: None,
        };
        let connectors = self.manifest.connectors_of(config).map(|(id, _)| id);
        for id in config.processors.iter().chain(connectors) {
            match self.manifest.processors.get(id) {
                Some(Processor::Host(HostProcessor::Batch(batch))) => {
                    outliner.end_segment(Some(JointPlan::Batch(batch.clone())));
                    outliner.shards = None;
                    continue;
                }
                Some(Processor::Host(HostProcessor::MemoryLimiter(_))) => continue,
                Some(Processor::Plugin(plugin)) => {
                    outliner.storage = plugin
                        .storage
                        .as_ref()
                        .and_then(|(id, _)| self.manifest.extensions.get(id)?.storage().cloned());
                }
                None => match self.manifest.connectors.get(id) {
                    Some(Connector::Host(HostConnector::Forward)) => continue,
                    Some(Connector::Plugin(_)) => {}
                    None => return Err(missing(config, id)),
                },
            }
            for version in self.versions(config, id, running)? {
                outliner.plugin(version, self.workers);
            }
        }
        outliner.end_segment(None);
        Ok(outliner.segments)
    }

    /// A plugin's versions in a pipeline, one for each role that it has there.
    fn versions(
        &self,
        config: &config::Pipeline,
        id: &ComponentId,
        running: Option<&Arc<Pipeline>>,
    ) -> Result<Vec<Arc<Version>>, BuildError> {
        let stays = || {
            let running = running.map(|pipeline| pipeline.versions());
            let mut running = running.unwrap_or_default();
            running.retain(|version| version.id == *id);
            running
        };
        let versions: Vec<Arc<Version>> = match self.plugins.get(id) {
            Some(plugin) => {
                let kinds = plugin.version.plugin.kinds();
                let roles = roles(self.manifest, config, id, kinds);
                let has = |version: &&Arc<Version>| roles.contains(&version.plugin_role);
                plugin.versions().filter(has).cloned().collect()
            }
            None => stays(),
        };
        match versions.is_empty() {
            true => Err(missing(config, id)),
            false => Ok(versions),
        }
    }

    /// The plan of a segment. Plugins that are as they were keep their instances.
    fn plan(
        &mut self,
        config: &config::Pipeline,
        outline: &SegmentOutline,
        running: Option<&Arc<Pipeline>>,
    ) -> Result<SegmentPlan, BuildError> {
        let mut stages = Vec::with_capacity(outline.versions.len());
        for version in &outline.versions {
            let old = running.and_then(|pipeline| pipeline.planned(version));
            stages.push(match old {
                Some(old) if old.version.is_like(version) => old,
                _ => self.planned(version, config)?,
            });
        }
        let noting = self.noting(config, outline, &stages);
        let projection = projection(&stages, &[], noting.is_some());
        let projection = projection.map_err(|cause| BuildError::Contract {
            pipeline: config.id.to_string(),
            cause,
        })?;
        Ok(SegmentPlan {
            projection,
            stages,
            watched: WatchedPipeline {
                pipeline: Arc::new(config.id.clone()),
                watchers: self.watchers.clone(),
            },
            noting,
        })
    }

    /// How the chains of a segment note what becomes of spans.
    fn noting(
        &self,
        config: &config::Pipeline,
        outline: &SegmentOutline,
        stages: &[PlannedStage],
    ) -> Option<Noting> {
        let ledger = self.ledger_of(config)?;
        let names = stages.iter().map(|planned| stage_name(&planned.version));
        Some(Noting {
            ledger: Arc::clone(ledger),
            pipeline: config.id.to_string().into(),
            is_last: outline.joint.is_none(),
            stages: names.collect(),
        })
    }

    fn ledger_of(&self, config: &config::Pipeline) -> Option<&Arc<Ledger>> {
        let ledger = self.ledger.as_ref();
        ledger.filter(|_| config.id.signal == config::Signal::Traces)
    }

    /// New instances of a plugin, for each lane, or one for all of them.
    fn planned(
        &mut self,
        version: &Arc<Version>,
        config: &config::Pipeline,
    ) -> Result<PlannedStage, BuildError> {
        let (id, version) = (&version.id, Arc::clone(version));
        let totals = version.declared.metrics.as_ref().map(|stream| {
            let known = self
                .totals
                .get(id)
                .filter(|totals| totals.stream() == stream);
            let totals = known
                .cloned()
                .unwrap_or_else(|| Totals::new(stream.clone()));
            self.totals.insert(id.clone(), Arc::clone(&totals));
            totals
        });
        let failed = |cause| BuildError::Instance {
            id: id.clone(),
            cause,
        };
        let explains = self.ledger_of(config).is_some();
        let explaining = |slot: Slot| match explains {
            true => slot.explaining(),
            false => Ok(slot),
        };
        let plugin = self
            .plugins
            .get_mut(id)
            .ok_or_else(|| missing(config, id))?;
        let first = plugin.instantiate(&version).map_err(failed)?;
        let mut first = explaining(first).map_err(failed)?;
        let mut instances = Vec::with_capacity(self.lanes);
        while instances.len() < self.lanes {
            let next = match instances.len() + 1 < self.eager {
                true => version.instantiate().and_then(explaining).map_err(failed)?,
                false => first.another(),
            };
            let slot = std::mem::replace(&mut first, next);
            let recorder = totals.as_ref().map(Recorder::new);
            let instance = Arc::new(Mutex::new(StageInstance::new(
                slot,
                recorder,
                &version.stats,
            )));
            instances.push(Arc::clone(&instance));
            // One instance sees every batch.
            if version.declared.sharding == Sharding::Whole {
                instances.resize(self.lanes, instance);
            }
        }
        Ok(PlannedStage { version, instances })
    }
}

/// A segment's plugins, and the joint behind them; `None` at the end of the pipeline.
struct SegmentOutline {
    versions: Vec<Arc<Version>>,
    joint: Option<JointPlan>,
}

/// Cuts a pipeline into segments.
struct Outliner {
    segments: Vec<SegmentOutline>,
    versions: Vec<Arc<Version>>,
    /// How many shards batches are cut into by now.
    shards: Option<usize>,
    /// Where the component that comes next stores what it holds.
    storage: Option<StorageSettings>,
}

impl Outliner {
    fn end_segment(&mut self, joint: Option<JointPlan>) {
        self.segments.push(SegmentOutline {
            versions: std::mem::take(&mut self.versions),
            joint,
        });
    }

    /// Adds a plugin, with the joints that it asks for.
    fn plugin(&mut self, version: Arc<Version>, workers: usize) {
        let shards = match version.declared.sharding {
            Sharding::ByTrace => Some(workers),
            // What it holds is decided on by the one instance that sees everything.
            Sharding::Whole if version.may_hold() => Some(1),
            Sharding::Whole | Sharding::None => None,
        };
        if let Some(shards) = shards
            && self.shards != Some(shards)
        {
            self.end_segment(Some(JointPlan::ByTrace { shards }));
            self.shards = Some(shards);
        }
        let holder = version.may_hold().then(|| version.id.clone());
        self.versions.push(version);
        if let Some((shards, component)) = self.shards.zip(holder) {
            let storage = self.storage.take();
            self.end_segment(Some(JointPlan::Hold {
                component,
                shards,
                storage,
            }));
        }
    }
}

fn missing(config: &config::Pipeline, id: &ComponentId) -> BuildError {
    BuildError::Missing {
        pipeline: config.id.to_string(),
        id: id.clone(),
    }
}

/// What a segment extracts: what its plugins declared, in their order, and then what shadows did. With `ids` also the ids of
/// spans, for the ledger.
pub(super) fn projection(
    stages: &[PlannedStage],
    shadows: &[Arc<Version>],
    ids: bool,
) -> Result<Arc<Projection>, ContractError> {
    let versions = stages.iter().map(|planned| &planned.version).chain(shadows);
    let contracts: Vec<StageContract> = versions
        .clone()
        .map(|version| version.contract.clone())
        .collect();
    let exemplars = versions
        .filter_map(|version| version.declared.metrics.as_ref())
        .any(|stream| stream.instruments.iter().any(|i| i.exemplars > 0));
    let host_reads: Vec<Path> = match exemplars || ids {
        true => Workspace::span_id_paths(),
        false => Vec::new(),
    };
    Projection::new(contracts, &host_reads).map(Arc::new)
}
