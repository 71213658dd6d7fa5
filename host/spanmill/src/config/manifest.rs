//! A valid manifest.

use std::collections::BTreeMap;
use std::sync::Arc;

use spanmill_manifest::{ComponentId, Source};

use super::admin::Admin;
use super::ledger::LedgerSettings;
use super::limits::Limits;
use super::pipeline::Pipeline;
use super::plugins::PluginUse;
use super::telemetry::LogLevel;
use crate::connect::HostConnector;
use crate::export::ExporterConfig;
use crate::extension::component::ExtensionConfig;
use crate::process::HostProcessor;
use crate::receive::component::ReceiverConfig;
use crate::telemetry::config::MetricsSettings;
use crate::telemetry::spans_config::TracesSettings;

/// A processor.
#[derive(Clone, Debug)]
pub enum Processor {
    /// One of the host's own.
    Host(HostProcessor),
    /// A plugin.
    Plugin(Box<PluginUse>),
}

/// A connector.
#[derive(Clone, Debug)]
pub enum Connector {
    /// One of the host's own.
    Host(HostConnector),
    /// A plugin.
    Plugin(Box<PluginUse>),
}

impl Connector {
    /// The plugin that it is; `None` if it is one of the host's own.
    pub fn plugin(&self) -> Option<&PluginUse> {
        match self {
            Connector::Plugin(plugin) => Some(plugin),
            Connector::Host(_) => None,
        }
    }
}

/// A valid manifest. The maps hold only what a pipeline uses.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The receivers in use.
    pub receivers: BTreeMap<ComponentId, Arc<dyn ReceiverConfig>>,
    /// The processors in use.
    pub processors: BTreeMap<ComponentId, Processor>,
    /// The connectors in use.
    pub connectors: BTreeMap<ComponentId, Connector>,
    /// The exporters in use.
    pub exporters: BTreeMap<ComponentId, Arc<dyn ExporterConfig>>,
    /// The extensions that the service uses.
    pub extensions: BTreeMap<ComponentId, Arc<dyn ExtensionConfig>>,
    /// The pipelines, in the order of the file.
    pub pipelines: Vec<Pipeline>,
    /// `admin:`, if given.
    pub admin: Option<Admin>,
    /// `ledger:`, if given.
    pub ledger: Option<LedgerSettings>,
    /// `limits:`, and defaults for what it does not say.
    pub limits: Limits,
    /// `service.telemetry.logs.level`, if given.
    pub log_level: Option<LogLevel>,
    /// `service.telemetry.metrics`, and the default for what it does not say.
    pub metrics: MetricsSettings,
    /// `service.telemetry.traces`, if spans of the service's own work are made.
    pub traces: Option<TracesSettings>,
    /// The text it was read from, for further diagnostics.
    pub source: Arc<Source>,
}

impl Manifest {
    /// A manifest of the same text that runs nothing.
    pub fn without_components(&self) -> Manifest {
        Manifest {
            receivers: BTreeMap::new(),
            processors: BTreeMap::new(),
            connectors: BTreeMap::new(),
            exporters: BTreeMap::new(),
            extensions: BTreeMap::new(),
            pipelines: Vec::new(),
            admin: None,
            ledger: self.ledger,
            limits: self.limits,
            log_level: None,
            metrics: self.metrics.clone(),
            traces: None,
            source: Arc::clone(&self.source),
        }
    }
}

impl Manifest {
    /// The pipelines that take from a component, in their order.
    pub fn fed_by<'m>(&'m self, id: &'m ComponentId) -> impl Iterator<Item = &'m Pipeline> {
        let pipelines = self.pipelines.iter();
        pipelines.filter(move |pipeline| pipeline.receivers.contains(id))
    }

    /// The connectors at the end of a pipeline, in their order.
    pub fn connectors_of<'m>(
        &'m self,
        pipeline: &'m Pipeline,
    ) -> impl Iterator<Item = (&'m ComponentId, &'m Connector)> {
        let ids = pipeline.exporters.iter();
        ids.filter_map(|id| self.connectors.get_key_value(id))
    }

    /// The pipelines that the `forward` connectors at the end of a pipeline lead to.
    pub fn forwards<'m>(&'m self, pipeline: &'m Pipeline) -> Vec<&'m Pipeline> {
        let connectors = self.connectors_of(pipeline);
        let forwards = connectors
            .filter(|(_, connector)| matches!(connector, Connector::Host(HostConnector::Forward)));
        let onward = forwards.flat_map(|(id, _)| self.fed_by(id));
        onward
            .filter(|onward| onward.id.signal == pipeline.id.signal)
            .collect()
    }
}
