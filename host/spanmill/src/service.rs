//! A manifest's life: bind, build, serve, and end without losing a span.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use spanmill_runtime::{LoadError, Runtime, RuntimeConfig};
use thiserror::Error;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::{ComponentId, Manifest, Receiver, Signal};
use crate::export::{self, DebugOutput, Exporter};
use crate::metrics::flush_regularly;
use crate::pipeline::{self, Fanout, LoadedPlugin, PluginLoader};
use crate::receive::{BindError, OtlpReceiver};

/// How long a shutdown may take before what is left is given up.
const GRACE: Duration = Duration::from_secs(30);

/// Why a service did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An exporter cannot start.
    #[error(transparent)]
    Exporter(#[from] export::BuildError),
    /// The pipelines cannot be built.
    #[error(transparent)]
    Pipelines(#[from] pipeline::BuildError),
}

/// Where plugins are found and kept.
#[derive(Clone, Debug, Default)]
pub struct Folders {
    /// The built-ins.
    pub plugins: Option<PathBuf>,
    /// Compiled plugins.
    pub cache: Option<PathBuf>,
}

impl Folders {
    /// From the environment: `SPANMILL_PLUGINS`, or `plugins` beside the executable; `SPANMILL_CACHE`, or
    /// `spanmill` in the user's cache folder.
    pub fn from_environment() -> Self {
        let set = |name: &str| {
            std::env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        let beside = || {
            let executable = std::env::current_exe()
                .and_then(std::fs::canonicalize)
                .ok()?;
            let folder = executable.parent()?;
            let installed = folder.parent()?.join("lib/spanmill/plugins");
            [folder.join("plugins"), installed]
                .into_iter()
                .find(|folder| folder.is_dir())
        };
        let user = || {
            set("XDG_CACHE_HOME")
                .or_else(|| set("HOME").map(|home| home.join(".cache")))
                .map(|cache| cache.join("spanmill"))
        };
        Folders {
            plugins: set("SPANMILL_PLUGINS").or_else(beside),
            cache: set("SPANMILL_CACHE").or_else(user),
        }
    }

    /// A loader over these folders.
    pub fn loader(&self) -> Result<PluginLoader, LoadError> {
        let runtime = Runtime::new(RuntimeConfig {
            cache: self.cache.clone(),
        })?;
        Ok(PluginLoader::new(runtime, self.plugins.clone()))
    }
}

/// A service that is bound, built and not yet serving.
pub struct Service {
    receivers: Vec<(ComponentId, OtlpReceiver)>,
    exporters: BTreeMap<ComponentId, Exporter>,
    built: pipeline::Built,
    metrics: Vec<(ComponentId, Vec<Fanout>)>,
    addresses: Vec<String>,
}

/// How a service ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// Items that were taken and could not be delivered.
    pub lost: u64,
}

impl Service {
    /// Binds every address and builds every pipeline. Nothing is taken in before [`Service::serve`].
    pub async fn start(
        manifest: &Manifest,
        mut plugins: BTreeMap<ComponentId, LoadedPlugin>,
        output: DebugOutput,
        workers: usize,
    ) -> Result<Self, StartError> {
        let mut receivers = Vec::new();
        let mut addresses = Vec::new();
        for (id, receiver) in &manifest.receivers {
            let Receiver::Otlp(config) = receiver;
            let bound = OtlpReceiver::bind(id, config).await?;
            let named = [
                ("grpc", bound.grpc_address()),
                ("http", bound.http_address()),
            ];
            for (protocol, address) in named {
                addresses
                    .extend(address.map(|address| format!("receiver {id} {protocol} {address}")));
            }
            receivers.push((id.clone(), bound));
        }
        let mut exporters = BTreeMap::new();
        for (id, config) in &manifest.exporters {
            let exporter = Exporter::start(id, config, output.clone()).await?;
            addresses.extend(
                exporter
                    .address()
                    .map(|address| format!("exporter {id} http {address}")),
            );
            exporters.insert(id.clone(), exporter);
        }
        let built = pipeline::build(manifest, &mut plugins, &exporters, workers)?;
        let fanouts = |connector: &ComponentId| {
            let fed = manifest.pipelines.iter().filter(|pipeline| {
                pipeline.id.signal == Signal::Metrics && pipeline.receivers.contains(connector)
            });
            let fanout = |pipeline: &crate::config::Pipeline| Fanout {
                exporters: pipeline
                    .exporters
                    .iter()
                    .filter_map(|id| exporters.get(id).cloned())
                    .collect(),
            };
            fed.map(fanout).collect()
        };
        let metrics = built
            .totals
            .keys()
            .map(|id| (id.clone(), fanouts(id)))
            .collect();
        Ok(Service {
            receivers,
            exporters,
            built,
            metrics,
            addresses,
        })
    }

    /// What is listened on, a line each.
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Serves until the token is cancelled; then stops accepting, and sends on what was taken: batches under
    /// way, what batchers hold, connectors' totals, exporters' queues.
    pub async fn serve(self, shutdown: CancellationToken) -> Ended {
        let mut serving = JoinSet::new();
        for (id, receiver) in self.receivers {
            let fed = self.built.feeds.get(&id).cloned().unwrap_or_default();
            let intake = Arc::new(self.built.pipelines.intake(fed));
            serving.spawn(receiver.serve(intake, shutdown.clone(), GRACE / 3));
        }
        let end_metrics = CancellationToken::new();
        let mut flushing = JoinSet::new();
        for (id, fanouts) in self.metrics {
            if let Some(totals) = self.built.totals.get(&id) {
                flushing.spawn(flush_regularly(
                    id,
                    Arc::clone(totals),
                    fanouts,
                    end_metrics.clone(),
                ));
            }
        }
        shutdown.cancelled().await;
        let deadline = Instant::now() + GRACE;
        let mut cut_off = 0;
        while let Some(served) = serving.join_next().await {
            cut_off += served.unwrap_or(0);
        }
        if cut_off > 0 {
            tracing::warn!(
                connections = cut_off,
                "connections did not end in time; their senders will send again"
            );
        }
        let drained = self.built.pipelines.drain(deadline).await;
        end_metrics.cancel();
        while flushing.join_next().await.is_some() {}
        let mut lost = drained.lost_spans;
        for (id, exporter) in &self.exporters {
            let left = exporter.drain(deadline).await;
            if left > 0 {
                tracing::error!(exporter = %id, items = left, "items could not be exported before the end");
            }
            lost += left;
        }
        let built = self.built;
        // Workers end as soon as their queue is closed; joining blocks, so not on the runtime's threads.
        let _ = tokio::task::spawn_blocking(move || built.join()).await;
        Ended { lost }
    }
}
