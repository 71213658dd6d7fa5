//! From a manifest and its loaded plugins to pipelines: what is like it was is kept, the rest is made.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use spanmill_otlp::{ContractError, Path, Projection, StageContract, Workspace};
use spanmill_runtime::{ConfigureError, Sharding};
use thiserror::Error;

use super::chain::Place;
use super::load::LoadedPlugin;
use super::segments::{Pipeline, Plan, Planned, Segment};
use super::version::Version;
use crate::config::{self, ComponentId, HostProcessor, Manifest, PipelineId, Processor};
use crate::metrics::{Recorder, Totals};

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
    /// A thread could not be started.
    #[error("cannot start the workers: {0}")]
    Threads(#[from] std::io::Error),
}

/// The pipelines by name.
pub type ByPipeline = BTreeMap<PipelineId, Arc<Pipeline>>;

/// The running totals of each connector.
pub type ByConnector = BTreeMap<ComponentId, Arc<Totals>>;

/// A pipeline that is to run.
pub(super) enum Made {
    /// The one there is, with other chains in some of its segments.
    Kept {
        pipeline: Arc<Pipeline>,
        changed: Vec<(usize, Plan)>,
    },
    /// One that stands in nobody's place, or whose `batch` processors are others.
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
    /// One lane for each worker.
    pub(super) lanes: usize,
    /// The lanes whose instances are made now; those of the others are made when they are needed.
    pub(super) eager: usize,
}

impl Builder<'_> {
    /// Every pipeline of the manifest, in its order.
    pub(super) fn pipelines(&mut self) -> Result<Vec<Made>, BuildError> {
        let pipelines = self.manifest.pipelines.iter();
        pipelines.map(|pipeline| self.pipeline(pipeline)).collect()
    }

    fn pipeline(&mut self, config: &config::Pipeline) -> Result<Made, BuildError> {
        let outline = outline(self.manifest, config)?;
        let running = self.running.get(&config.id).cloned();
        let kept = running.as_ref().filter(|running| {
            let batches = outline.iter().filter_map(|(_, batch)| *batch);
            batches.eq(running.batches())
        });
        match kept {
            Some(pipeline) => {
                let mut changed = Vec::new();
                let segments = pipeline.segments.iter().zip(&outline).enumerate();
                for (number, (segment, (ids, _))) in segments {
                    let plan = self.plan(config, ids, Some(pipeline))?;
                    if !plan.is_like(&segment.plan()) {
                        changed.push((number, plan));
                    }
                }
                Ok(Made::Kept {
                    pipeline: Arc::clone(pipeline),
                    changed,
                })
            }
            None => {
                let mut segments = Vec::with_capacity(outline.len());
                for (ids, batch) in outline {
                    let plan = self.plan(config, &ids, running.as_ref())?;
                    segments.push(Segment::new(
                        config.id.signal,
                        plan,
                        self.lanes,
                        batch.cloned(),
                    ));
                }
                Ok(Made::New(Pipeline::new(config.id.clone(), segments)))
            }
        }
    }

    /// The plan of a segment. Plugins that are as they were keep their instances.
    fn plan(
        &mut self,
        config: &config::Pipeline,
        ids: &[&ComponentId],
        running: Option<&Arc<Pipeline>>,
    ) -> Result<Plan, BuildError> {
        let mut stages = Vec::with_capacity(ids.len());
        for id in ids {
            let old = running.and_then(|pipeline| {
                let mut plans = pipeline.segments.iter().map(|segment| segment.plan());
                plans.find_map(|plan| plan.planned(id).cloned())
            });
            let like = |old: &Planned| match self.plugins.get(*id) {
                Some(plugin) => old.version.is_like(&plugin.version),
                None => true,
            };
            stages.push(match old {
                Some(old) if like(&old) => old,
                _ => self.planned(id, config)?,
            });
        }
        let projection = projection(&stages, &[]).map_err(|cause| BuildError::Contract {
            pipeline: config.id.to_string(),
            cause,
        })?;
        Ok(Plan { projection, stages })
    }

    /// New instances of a plugin, for each lane, or one for all of them.
    fn planned(
        &mut self,
        id: &ComponentId,
        config: &config::Pipeline,
    ) -> Result<Planned, BuildError> {
        let plugin = self
            .plugins
            .get_mut(id)
            .ok_or_else(|| missing(config, id))?;
        let version = Arc::clone(&plugin.version);
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
        let mut first = plugin.instantiate().map_err(failed)?;
        let mut places = Vec::with_capacity(self.lanes);
        while places.len() < self.lanes {
            let next = match places.len() + 1 < self.eager {
                true => version.instantiate().map_err(failed)?,
                false => first.another(),
            };
            let slot = std::mem::replace(&mut first, next);
            let recorder = totals.as_ref().map(Recorder::new);
            let place = Arc::new(Mutex::new(Place::new(slot, recorder, &version.stats)));
            places.push(Arc::clone(&place));
            // A worker cannot know which traces the others have: one instance sees them all.
            if version.declared.sharding != Sharding::None {
                places.resize(self.lanes, place);
            }
        }
        Ok(Planned { version, places })
    }
}

/// The plugins of a segment, and the `batch` processor that ends it.
type Outlined<'m> = (Vec<&'m ComponentId>, Option<&'m config::Batch>);

fn outline<'m>(
    manifest: &'m Manifest,
    config: &'m config::Pipeline,
) -> Result<Vec<Outlined<'m>>, BuildError> {
    let mut outline = Vec::new();
    let mut stages = Vec::new();
    for id in &config.processors {
        match manifest.processors.get(id) {
            Some(Processor::Plugin(_)) => stages.push(id),
            Some(Processor::Host(HostProcessor::Batch(batch))) => {
                outline.push((std::mem::take(&mut stages), Some(batch)));
            }
            Some(Processor::Host(HostProcessor::MemoryLimiter(_))) => {}
            None => return Err(missing(config, id)),
        }
    }
    let connectors = config.exporters.iter();
    stages.extend(connectors.filter(|id| manifest.connectors.contains_key(*id)));
    outline.push((stages, None));
    Ok(outline)
}

fn missing(config: &config::Pipeline, id: &ComponentId) -> BuildError {
    BuildError::Missing {
        pipeline: config.id.to_string(),
        id: id.clone(),
    }
}

/// What a segment extracts: what its plugins declared, in their order, and then what shadows did.
pub(super) fn projection(
    stages: &[Planned],
    shadows: &[Arc<Version>],
) -> Result<Arc<Projection>, ContractError> {
    let versions = stages.iter().map(|planned| &planned.version).chain(shadows);
    let contracts: Vec<StageContract> = versions
        .clone()
        .map(|version| version.contract.clone())
        .collect();
    let exemplars = versions
        .filter_map(|version| version.declared.metrics.as_ref())
        .any(|stream| stream.instruments.iter().any(|i| i.exemplars > 0));
    let host_reads: Vec<Path> = match exemplars {
        true => Workspace::span_id_paths(),
        false => Vec::new(),
    };
    Projection::new(contracts, &host_reads).map(Arc::new)
}
