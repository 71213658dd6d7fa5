//! The running parts of a manifest, and how they become those of another while telemetry flows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{JoinHandle, JoinSet, block_in_place};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::error::StartError;
use super::extensions::Extensions;
use super::faults::outline;
use super::flushing::FlushTasks;
use super::receivers::Receivers;
use super::shown::Shown;
use crate::config::{ComponentId, Manifest, PipelineId, Processor};
use crate::export::{self, DebugOutput, Exporter, StartContext};
use crate::health::Health;
use crate::ledger::Ledger;
use crate::losses::{Loss, Losses};
use crate::memory::Budget;
use crate::pipeline::{
    Bounds, ByConnector, Change, Exporters, Fanout, LoadedPlugin, Pipeline, Pipelines,
    SwitchReport, Topology, Trial, VersionReplacement, WorkerCount, now_unix_nano,
};
use spanmill_net::Spare;

/// How long a shutdown may take before what is left is dropped.
pub const GRACE: Duration = Duration::from_secs(30);
/// A replaced exporter has all the time it needs while the service runs.
const NO_HURRY: Duration = Duration::from_secs(365 * 24 * 3600);

fn from_now(time: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(time).unwrap_or(now)
}

/// How a service ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShutdownReport {
    /// What was accepted and not delivered, since the start.
    pub losses: Vec<Loss>,
}

/// The parts of a manifest that runs.
pub(super) struct RunningService {
    manifest: Manifest,
    /// The same, for those who only look.
    shown: Arc<Shown>,
    topology: Topology,
    receivers: Receivers,
    extensions: Extensions,
    health: Arc<Health>,
    exporters: Exporters,
    /// Replaced exporters that may still have something to send.
    leaving: Arc<Mutex<Vec<Exporter>>>,
    flushing: FlushTasks,
    output: DebugOutput,
    /// What exporters share.
    shared: export::Shared,
    /// Changes whose old side may stand by still.
    trials: Vec<Arc<Trial>>,
    shutdown: CancellationToken,
}

/// A change that was made.
pub(super) struct ChangeReport {
    /// What was replaced, added and removed, a line each.
    pub(super) changes: Vec<String>,
    /// The plugins that have another version now.
    pub(super) replaced: Vec<VersionReplacement>,
    /// Set if lanes were switched.
    pub(super) switched: Option<PendingTrial>,
    /// How long making and rehearsing took.
    pub(super) prepared: Duration,
    /// Whether shadows are shown nothing any more.
    pub(super) untapped: bool,
}

/// A change on trial; the old side stands by.
pub(super) struct PendingTrial {
    pub(super) change: Arc<Change>,
    pub(super) switched: SwitchReport,
    /// The connectors' totals before.
    totals: ByConnector,
    /// The manifest before.
    manifest: Manifest,
}

impl PendingTrial {
    pub(super) fn trial(&self) -> &Arc<Trial> {
        &self.switched.trial
    }
}

impl RunningService {
    /// Binds every address and builds every pipeline.
    pub(super) async fn start(
        manifest: Manifest,
        plugins: &mut BTreeMap<ComponentId, LoadedPlugin>,
        output: DebugOutput,
        workers: WorkerCount,
    ) -> Result<Self, StartError> {
        let limits = manifest.limits;
        let shared = export::Shared {
            losses: Losses::default(),
            queue_memory: Budget::new(limits.queues()),
            registry: export::Registry::default(),
        };
        let ledger = manifest.ledger.map(|settings| {
            let now = now_unix_nano();
            Arc::new(Ledger::new(settings.bytes(), now))
        });
        let bounds = Bounds::of(&limits, shared.losses.clone()).noting(ledger);
        let mut running = RunningService {
            manifest: manifest.without_components(),
            topology: Topology::start(workers, bounds, limits.memory())?,
            receivers: Receivers::default(),
            extensions: Extensions::default(),
            shown: Arc::default(),
            health: Arc::default(),
            exporters: Exporters::new(),
            leaving: Arc::default(),
            flushing: FlushTasks::new(shared.losses.clone()),
            output,
            shared,
            trials: Vec::new(),
            shutdown: CancellationToken::new(),
        };
        running.change(manifest, plugins, 0).await?;
        Ok(running)
    }

    /// Takes requests in from now on.
    pub(super) fn serve(&mut self, shutdown: &CancellationToken) {
        self.shutdown = shutdown.clone();
        self.receivers.serve(&self.topology, shutdown, GRACE / 3);
        self.health.set_ready();
    }

    /// What is accepted and not delivered.
    pub(super) fn losses(&self) -> Losses {
        self.shared.losses.clone()
    }

    /// Every exporter.
    pub(super) fn exporters(&self) -> export::Registry {
        self.shared.registry.clone()
    }

    /// The pipelines, for those who only look.
    pub(super) fn shown(&self) -> &Arc<Shown> {
        &self.shown
    }

    /// How it fares.
    pub(super) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    pub(super) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(super) fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(super) fn addresses(&self) -> Vec<String> {
        let exporters = self.exporters.iter().filter_map(|(id, exporter)| {
            let (scheme, address) = exporter.address()?;
            Some(format!("exporter {id} {scheme} {address}"))
        });
        let receivers = self.receivers.addresses();
        let extensions = self.extensions.addresses();
        receivers.chain(exporters).chain(extensions).collect()
    }

    /// Applies another manifest. What both have in common keeps running untouched. Everything that can fail comes first:
    /// on an error nothing has changed. `plugins` need not contain those that stay as they are.
    ///
    /// # Errors
    ///
    /// An address that cannot be bound, an exporter that cannot start, or pipelines that cannot be built.
    pub(super) async fn change(
        &mut self,
        manifest: Manifest,
        plugins: &mut BTreeMap<ComponentId, LoadedPlugin>,
        probation: u32,
    ) -> Result<ChangeReport, StartError> {
        let mut spare = Spare::default();
        self.receivers.spare(&manifest.receivers, &mut spare);
        for (id, exporter) in &self.exporters {
            if manifest.exporters.get(id) != self.manifest.exporters.get(id) {
                exporter.hand_on(&mut spare);
            }
        }
        self.extensions.spare(&manifest.extensions, &mut spare);
        let extensions = self
            .extensions
            .open(&manifest.extensions, &mut spare)
            .await?;
        let opened = self.receivers.open(&manifest.receivers, &mut spare).await?;
        let (exporters, replaced) = self.exporters_of(&manifest, &mut spare).await?;
        // Instances are made and old ones asked for their state, which may take as long as a plugin's timeout.
        let began = Instant::now();
        let made = block_in_place(|| {
            let prepared = self.topology.prepare(&manifest, plugins)?;
            let replaced = prepared.rehearse()?;
            let took = began.elapsed();
            let totals = self.topology.totals().clone();
            // What is replaced must be what runs, or there would be nothing right to go back to.
            if self.trials.iter().any(|trial| trial.has_failed()) {
                return Err(StartError::RolledBack);
            }
            // Nothing can fail any more but a last hand-over: chains that are made now show nobody anything.
            let untapped = !prepared.changes_nothing(&self.topology);
            if untapped {
                self.topology.untap();
            }
            let committed = self
                .topology
                .commit(&manifest, prepared, &exporters, probation)?;
            Ok::<_, StartError>((replaced, took, totals, committed, untapped))
        });
        let (versions, prepared, totals, committed, untapped) = match made {
            Ok(made) => made,
            Err(error) => {
                // The new ones have seen nothing yet.
                for exporter in replaced.new {
                    exporter.drain(Instant::now()).await;
                }
                return Err(error);
            }
        };
        let mut changes = self.receivers.replace(opened, &manifest.receivers);
        if !self.shutdown.is_cancelled() && !self.manifest.pipelines.is_empty() {
            self.receivers
                .serve(&self.topology, &self.shutdown, GRACE / 3);
        }
        changes.extend(replaced.changes);
        let health = &self.health;
        changes.extend(
            self.extensions
                .replace(extensions, &manifest.extensions, health),
        );
        self.exporters = exporters;
        let ending = self.flushing.set(&self.topology);
        changes.extend(pipeline_changes(&self.manifest, &manifest));
        self.leave(committed.retired, committed.fanouts, ending, replaced.old);
        self.trials.retain(|trial| trial.verdict().is_none());
        if let Some((_, switched)) = &committed.switched {
            self.trials.push(Arc::clone(&switched.trial));
        }
        self.health.set_pipelines(outline(&manifest));
        let before = std::mem::replace(&mut self.manifest, manifest);
        self.shown.set(&self.manifest);
        Ok(ChangeReport {
            changes,
            replaced: versions,
            switched: committed.switched.map(|(change, switched)| PendingTrial {
                change,
                switched,
                totals,
                manifest: before,
            }),
            prepared,
            untapped,
        })
    }

    /// The manifest's exporters: those that run as they are wanted, and new ones.
    async fn exporters_of(
        &self,
        manifest: &Manifest,
        spare: &mut Spare,
    ) -> Result<(Exporters, ReplacedExporters), StartError> {
        let mut exporters = Exporters::new();
        let mut replaced = ReplacedExporters::default();
        for (id, config) in &manifest.exporters {
            let running = self.exporters.get(id);
            let same = self.manifest.exporters.get(id) == Some(config);
            let exporter = match running {
                Some(running) if same => running.clone(),
                _ => {
                    let context = StartContext {
                        output: &self.output,
                        spare,
                        shared: &self.shared,
                    };
                    let exporter = match config.start(id, context).await {
                        Ok(exporter) => exporter,
                        Err(error) => {
                            for exporter in replaced.new {
                                exporter.drain(Instant::now()).await;
                            }
                            return Err(error.into());
                        }
                    };
                    replaced.new.push(exporter.clone());
                    replaced.changes.push(match running {
                        Some(_) => format!("exporter {id} changed"),
                        None => format!("exporter {id} added"),
                    });
                    exporter
                }
            };
            exporters.insert(id.clone(), exporter);
        }
        for (id, exporter) in &self.exporters {
            let stays = manifest.exporters.get(id) == self.manifest.exporters.get(id);
            if !stays {
                replaced.old.push(exporter.clone());
            }
            if !manifest.exporters.contains_key(id) {
                replaced.changes.push(format!("exporter {id} removed"));
            }
        }
        Ok((exporters, replaced))
    }

    /// Lets what was replaced send what it has: pipelines first, then totals, then exporters.
    fn leave(
        &self,
        pipelines: Vec<Arc<Pipeline>>,
        fanouts: Vec<Arc<Fanout>>,
        flushes: Vec<JoinHandle<()>>,
        exporters: Vec<Exporter>,
    ) {
        let leaving = Arc::clone(&self.leaving);
        leaving
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend(exporters.iter().cloned());
        let all: Pipelines = self.topology.pipelines().clone();
        tokio::spawn(async move {
            // At once: one may lead to another.
            let mut retiring = JoinSet::new();
            for pipeline in pipelines {
                let all = all.clone();
                retiring.spawn(async move { all.retire(pipeline).await });
            }
            retiring.join_all().await;
            for fanout in fanouts {
                fanout.unused().await;
            }
            for flush in flushes {
                let _ = flush.await;
            }
            for exporter in exporters {
                exporter.drain(from_now(NO_HURRY)).await;
                leaving
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .retain(|other| !other.is(&exporter));
            }
        });
    }

    /// Takes a change back whose trial has failed.
    pub(super) fn take_back(&mut self, failed: &PendingTrial) {
        block_in_place(|| failed.change.revert(failed.trial()));
        self.trials
            .retain(|trial| !Arc::ptr_eq(trial, failed.trial()));
        let pipelines = failed.change.pipelines();
        take_back(&mut self.manifest, &failed.manifest, &pipelines);
        self.shown.set(&self.manifest);
        // A version that declared other metrics had other totals; the old ones go on.
        self.topology.set_totals(failed.totals.clone());
        let ending = self.flushing.set(&self.topology);
        self.leave(Vec::new(), Vec::new(), ending, Vec::new());
    }

    /// Ends: what was taken is sent on, batches under way, what batchers hold, connectors' totals, exporters' queues.
    /// Receivers must have been told to stop.
    pub(super) async fn end(mut self) -> ShutdownReport {
        let deadline = from_now(GRACE);
        self.health.set_ending();
        let cut_off = self.receivers.ended().await;
        if cut_off > 0 {
            tracing::warn!(
                connections = cut_off,
                "connections did not end in time; their senders will send again"
            );
        }
        self.topology.settle(deadline).await;
        self.flushing.end(deadline).await;
        self.topology.drain(deadline).await;
        let leaving =
            std::mem::take(&mut *self.leaving.lock().unwrap_or_else(PoisonError::into_inner));
        let mut draining = JoinSet::new();
        for exporter in self.exporters.into_values().chain(leaving) {
            draining.spawn(async move { exporter.drain(deadline).await });
        }
        while draining.join_next().await.is_some() {}
        let topology = self.topology;
        // Workers end as soon as their queue is closed; joining blocks, so not on the runtime's threads. One that a plugin
        // keeps has until its deadline.
        let joined = tokio::task::spawn_blocking(move || topology.join());
        let _ = tokio::time::timeout_at(deadline, joined).await;
        self.extensions.end().await;
        ShutdownReport {
            losses: self.shared.losses.report(),
        }
    }
}

/// Exporters of two manifests.
#[derive(Default)]
struct ReplacedExporters {
    new: Vec<Exporter>,
    old: Vec<Exporter>,
    changes: Vec<String>,
}

/// Restores a manifest's earlier entries for the plugins of some pipelines: they run again, and a swap configures new
/// versions by them. Receivers, exporters and the host's own processors stay as they are.
fn take_back(now: &mut Manifest, before: &Manifest, pipelines: &[PipelineId]) {
    for id in pipelines {
        let old = before.pipelines.iter().find(|pipeline| pipeline.id == *id);
        let new = now.pipelines.iter_mut().find(|pipeline| pipeline.id == *id);
        let (Some(old), Some(new)) = (old, new) else {
            continue;
        };
        for id in &old.processors {
            if let Some(plugin @ Processor::Plugin(_)) = before.processors.get(id) {
                now.processors.insert(id.clone(), plugin.clone());
            }
        }
        new.processors.clone_from(&old.processors);
        new.exporters.retain(|id| !now.connectors.contains_key(id));
        for id in &old.exporters {
            if let Some(connector) = before.connectors.get(id) {
                now.connectors.insert(id.clone(), connector.clone());
                new.exporters.push(id.clone());
            }
        }
    }
}

/// The pipelines that differ, one line each.
fn pipeline_changes(before: &Manifest, now: &Manifest) -> Vec<String> {
    let mut changes = Vec::new();
    for pipeline in &now.pipelines {
        let id = &pipeline.id;
        match before.pipelines.iter().find(|before| before.id == *id) {
            None => changes.push(format!("pipeline {id} added")),
            Some(before) => {
                let parts = |p: &crate::config::Pipeline| {
                    (
                        p.receivers.clone(),
                        p.processors.clone(),
                        p.exporters.clone(),
                    )
                };
                if parts(before) != parts(pipeline) {
                    changes.push(format!("pipeline {id} changed"));
                }
            }
        }
    }
    let gone = before
        .pipelines
        .iter()
        .filter(|before| !now.pipelines.iter().any(|now| now.id == before.id));
    changes.extend(gone.map(|pipeline| format!("pipeline {} removed", pipeline.id)));
    for (id, processor) in &now.processors {
        let differs = match (before.processors.get(id), processor) {
            (Some(Processor::Host(before)), Processor::Host(now)) => before != now,
            _ => false,
        };
        if differs {
            changes.push(format!("processor {id} changed"));
        }
    }
    changes
}
