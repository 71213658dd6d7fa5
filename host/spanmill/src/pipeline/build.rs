//! From a manifest and its loaded plugins to running pipelines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use spanmill_otlp::{ContractError, Projection, StageContract, Workspace};
use spanmill_runtime::{ConfigureError, Sharding};
use thiserror::Error;

use super::batcher::Batcher;
use super::chain::{Chain, Place, Stage};
use super::delivery::Fanout;
use super::gate::MemoryGate;
use super::load::LoadedPlugin;
use super::segments::{Pipeline, Segment};
use super::worker::{Pipelines, Workers};
use crate::config::{self, ComponentId, Manifest, Processor, Signal};
use crate::export::Exporter;
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

/// Running pipelines, and what belongs to them.
pub struct Built {
    /// The traces pipelines.
    pub pipelines: Pipelines,
    /// For each receiver, the pipelines it feeds.
    pub feeds: BTreeMap<ComponentId, Vec<usize>>,
    /// The totals of each connector.
    pub totals: BTreeMap<ComponentId, Arc<Totals>>,
    workers: Workers,
}

impl Built {
    /// Waits for the workers to end, after the pipelines were drained.
    pub fn join(self) {
        drop(self.pipelines);
        self.workers.join();
    }
}

/// Builds and starts the traces pipelines; must be called within a tokio runtime.
pub fn build(
    manifest: &Manifest,
    plugins: &mut BTreeMap<ComponentId, LoadedPlugin>,
    exporters: &BTreeMap<ComponentId, Exporter>,
    workers: usize,
) -> Result<Built, BuildError> {
    let mut gates: BTreeMap<ComponentId, Arc<MemoryGate>> = BTreeMap::new();
    let mut assembled = assemble(manifest, plugins, workers)?;
    for pipeline in &mut assembled.pipelines {
        let Some(config) = manifest
            .pipelines
            .iter()
            .find(|config| config.id == pipeline.id)
        else {
            continue;
        };
        let fed = config
            .exporters
            .iter()
            .filter_map(|id| exporters.get(id).cloned());
        pipeline.fanout = Arc::new(Fanout {
            exporters: fed.collect(),
        });
        for id in &config.processors {
            if let Some(Processor::MemoryLimiter(limiter)) = manifest.processors.get(id) {
                let gate = gates
                    .entry(id.clone())
                    .or_insert_with(|| MemoryGate::start(limiter));
                pipeline.gates.push(Arc::clone(gate));
            }
        }
    }
    let Assembled {
        pipelines,
        feeds,
        totals,
    } = assembled;
    let (pipelines, workers) = Pipelines::start(pipelines, workers)?;
    Ok(Built {
        pipelines,
        feeds,
        totals,
        workers,
    })
}

/// Traces pipelines that nothing runs yet, and that lead nowhere.
pub(super) struct Assembled {
    pub(super) pipelines: Vec<Pipeline>,
    pub(super) feeds: BTreeMap<ComponentId, Vec<usize>>,
    pub(super) totals: BTreeMap<ComponentId, Arc<Totals>>,
}

/// Makes every chain of every traces pipeline.
pub(super) fn assemble(
    manifest: &Manifest,
    plugins: &mut BTreeMap<ComponentId, LoadedPlugin>,
    workers: usize,
) -> Result<Assembled, BuildError> {
    let mut totals = BTreeMap::new();
    let mut feeds: BTreeMap<ComponentId, Vec<usize>> = BTreeMap::new();
    let mut pipelines = Vec::new();
    for pipeline in manifest
        .pipelines
        .iter()
        .filter(|pipeline| pipeline.id.signal == Signal::Traces)
    {
        for receiver in &pipeline.receivers {
            feeds
                .entry(receiver.clone())
                .or_default()
                .push(pipelines.len());
        }
        let mut builder = Builder {
            pipeline,
            plugins: &mut *plugins,
            totals: &mut totals,
            workers,
        };
        let mut segments = Vec::new();
        let mut stages: Vec<&ComponentId> = Vec::new();
        for id in &pipeline.processors {
            match manifest.processors.get(id) {
                Some(Processor::Plugin(_)) => stages.push(id),
                Some(Processor::Batch(batch)) => {
                    let batcher = Batcher::new(batch.clone());
                    segments.push(builder.segment(&std::mem::take(&mut stages), Some(batcher))?);
                }
                Some(Processor::MemoryLimiter(_)) => {}
                None => return Err(builder.missing(id)),
            }
        }
        stages.extend(
            pipeline
                .exporters
                .iter()
                .filter(|id| manifest.connectors.contains_key(id)),
        );
        segments.push(builder.segment(&stages, None)?);
        pipelines.push(Pipeline {
            id: pipeline.id.clone(),
            segments,
            fanout: Arc::new(Fanout {
                exporters: Vec::new(),
            }),
            gates: Vec::new(),
        });
    }
    Ok(Assembled {
        pipelines,
        feeds,
        totals,
    })
}

/// Builds the segments of one pipeline.
struct Builder<'a> {
    pipeline: &'a config::Pipeline,
    plugins: &'a mut BTreeMap<ComponentId, LoadedPlugin>,
    totals: &'a mut BTreeMap<ComponentId, Arc<Totals>>,
    workers: usize,
}

impl Builder<'_> {
    fn missing(&self, id: &ComponentId) -> BuildError {
        BuildError::Missing {
            pipeline: self.pipeline.id.to_string(),
            id: id.clone(),
        }
    }

    /// One chain a worker, over one projection.
    fn segment(
        &mut self,
        stages: &[&ComponentId],
        batcher: Option<Batcher>,
    ) -> Result<Segment, BuildError> {
        let projection = Arc::new(self.projection(stages)?);
        let mut shared: BTreeMap<&ComponentId, Arc<Mutex<Place>>> = BTreeMap::new();
        let mut chains = Vec::with_capacity(self.workers);
        for _ in 0..self.workers {
            let mut chain = Vec::with_capacity(stages.len());
            for id in stages {
                let place = match shared.get(id) {
                    Some(place) => Arc::clone(place),
                    None => Arc::new(Mutex::new(self.place(id)?)),
                };
                let Some(plugin) = self.plugins.get(*id) else {
                    return Err(self.missing(id));
                };
                // A worker cannot know which traces the others have: one instance sees them all.
                if plugin.declared.sharding != Sharding::None {
                    shared.insert(*id, Arc::clone(&place));
                }
                chain.push(Stage {
                    id: (*id).clone(),
                    on_error: plugin.spec.on_error,
                    slot: place,
                });
            }
            chains.push(Mutex::new(Chain::new(Arc::clone(&projection), chain)));
        }
        Ok(Segment { chains, batcher })
    }

    fn projection(&self, stages: &[&ComponentId]) -> Result<Projection, BuildError> {
        let mut contracts: Vec<StageContract> = Vec::with_capacity(stages.len());
        let mut host_reads = Vec::new();
        for id in stages {
            let Some(plugin) = self.plugins.get(*id) else {
                return Err(self.missing(id));
            };
            contracts.push(plugin.contract.clone());
            let metrics = plugin.declared.metrics.as_ref();
            if metrics.is_some_and(|stream| stream.instruments.iter().any(|i| i.exemplars > 0)) {
                host_reads = Workspace::span_id_paths();
            }
        }
        Projection::new(contracts, &host_reads).map_err(|cause| BuildError::Contract {
            pipeline: self.pipeline.id.to_string(),
            cause,
        })
    }

    fn place(&mut self, id: &ComponentId) -> Result<Place, BuildError> {
        let missing = self.missing(id);
        let plugin = self.plugins.get_mut(id).ok_or(missing)?;
        let slot = plugin.instantiate().map_err(|cause| BuildError::Instance {
            id: id.clone(),
            cause,
        })?;
        let recorder = plugin.declared.metrics.as_ref().map(|stream| {
            let totals = self
                .totals
                .entry(id.clone())
                .or_insert_with(|| Totals::new(stream.clone()));
            Recorder::new(totals)
        });
        Ok(Place { slot, recorder })
    }
}
