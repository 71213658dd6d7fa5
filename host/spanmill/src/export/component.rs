//! What the host knows of an exporter: how its settings are read, and how it starts from them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_model::Signal;

use super::build::{BuildError, StartContext};
use super::exporter::Exporter;
use crate::component::{Component, Config};

/// An exporter as the table of components has it.
pub(crate) type ExporterComponent = Component<Arc<dyn ExporterConfig>>;

/// An exporter that is starting.
pub type Starting<'a> = Pin<Box<dyn Future<Output = Result<Exporter, BuildError>> + Send + 'a>>;

/// The settings of an exporter.
pub trait ExporterConfig: Config {
    /// What is missing for a signal that exporters of this type take in general.
    fn missing_for(&self, signal: Signal) -> Option<Missing> {
        let _ = signal;
        None
    }

    /// Complains of files that the settings name and that cannot be used, before anything starts.
    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        let _ = (id, out);
    }

    /// The headers that its queue tells senders apart by when it joins requests.
    fn partition_by(&self) -> &[String] {
        &[]
    }

    /// Starts the exporter; must be called within a tokio runtime.
    fn start<'a>(&'a self, id: &'a ComponentId, context: StartContext<'a>) -> Starting<'a>;
}

/// What settings lack to take a signal.
pub struct Missing {
    /// What it is: `has no URL for logs`.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl PartialEq for dyn ExporterConfig {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other)
    }
}
