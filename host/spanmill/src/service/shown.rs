//! How the pipelines of the manifest that runs are put together: for those who only look, and must not wait while something is
//! changed.

use std::sync::{Mutex, PoisonError};

use spanmill_admin::{PipelineLayout, Stage, StageKind};

use crate::config::{ComponentId, Manifest, Pipeline, Processor};

/// The pipelines that run.
#[derive(Default)]
pub(super) struct Shown(Mutex<Vec<PipelineLayout>>);

impl Shown {
    /// From now on these run.
    pub(super) fn set(&self, manifest: &Manifest) {
        let pipelines = manifest.pipelines.iter();
        let layouts = pipelines.map(|pipeline| layout(manifest, pipeline));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = layouts.collect();
    }

    /// The pipelines, in the order of the manifest.
    pub(super) fn pipelines(&self) -> Vec<PipelineLayout> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn layout(manifest: &Manifest, pipeline: &Pipeline) -> PipelineLayout {
    let stage = |id: &ComponentId, kind, leads_to| Stage {
        component: id.to_string(),
        kind,
        leads_to,
    };
    let receivers = pipeline.receivers.iter().map(|id| {
        let kind = match manifest.connectors.contains_key(id) {
            true => StageKind::Connector,
            false => StageKind::Receiver,
        };
        stage(id, kind, Vec::new())
    });
    let processors = pipeline.processors.iter().map(|id| {
        let kind = match manifest.processors.get(id) {
            Some(Processor::Host(_)) => StageKind::Host,
            _ => StageKind::Plugin,
        };
        stage(id, kind, Vec::new())
    });
    let exporters =
        pipeline
            .exporters
            .iter()
            .map(|id| match manifest.connectors.contains_key(id) {
                true => stage(id, StageKind::Connector, led_to(manifest, pipeline, id)),
                false => stage(id, StageKind::Exporter, Vec::new()),
            });
    PipelineLayout {
        pipeline: pipeline.id.to_string(),
        signal: pipeline.id.signal.to_string(),
        receivers: receivers.collect(),
        processors: processors.collect(),
        exporters: exporters.collect(),
    }
}

/// The pipelines that a connector at the end of one leads to. One that passes on what it is given leads to those of the same
/// signal, and one that makes another signal of it has none of those behind it.
fn led_to(manifest: &Manifest, pipeline: &Pipeline, connector: &ComponentId) -> Vec<String> {
    let behind: Vec<&Pipeline> = manifest.fed_by(connector).collect();
    let is_same = |other: &&&Pipeline| other.id.signal == pipeline.id.signal;
    let same: Vec<&&Pipeline> = behind.iter().filter(is_same).collect();
    match same.is_empty() {
        true => behind.iter().map(|other| other.id.to_string()).collect(),
        false => same.iter().map(|other| other.id.to_string()).collect(),
    }
}
