//! A manifest's life: bind, build, serve, change while telemetry flows, and end without losing a span.
//!
//! [`RunningService`](running::Running) is what runs: the parts of a manifest. A [`Controller`] holds it, and replaces parts
//! of it when it is told to, by the admin API, by a signal, or because a file has changed.

mod controller;
mod error;
mod extensions;
mod faults;
mod flushing;
mod folders;
mod history;
mod receivers;
mod running;
mod save;
mod shown;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::{ComponentId, Manifest, ManifestSource};
use crate::export::DebugOutput;
use crate::losses::Losses;
use crate::pipeline::{LoadedPlugin, PluginLoader, WorkerCount};
pub use controller::{Admin, Controller};
pub use error::StartError;
pub use folders::{Folders, FoldersError};
pub use running::GRACE;
use running::RunningService;
pub use watch::Watch;

/// A service that is bound, built and not yet serving.
pub struct Service {
    running: RunningService,
    loader: PluginLoader,
    source: ManifestSource,
}

impl Service {
    /// Binds every address and builds every pipeline. Nothing is taken in before [`Service::serve`].
    pub async fn start(
        manifest: Manifest,
        mut plugins: BTreeMap<ComponentId, LoadedPlugin>,
        loader: PluginLoader,
        source: ManifestSource,
        output: DebugOutput,
        workers: WorkerCount,
    ) -> Result<Self, StartError> {
        let running = RunningService::start(manifest, &mut plugins, output, workers).await?;
        Ok(Service {
            running,
            loader,
            source,
        })
    }

    /// What is accepted and not delivered, from now to the end.
    pub fn losses(&self) -> Losses {
        self.running.losses()
    }

    /// The addresses served, one line each.
    pub fn addresses(&self) -> Vec<String> {
        self.running.addresses()
    }

    /// Serves from now on. The controller is for changing what is served, and for ending it.
    pub fn serve(mut self, shutdown: CancellationToken) -> Arc<Controller> {
        self.running.serve(&shutdown);
        Controller::new(self.running, self.loader, self.source, shutdown)
    }
}
