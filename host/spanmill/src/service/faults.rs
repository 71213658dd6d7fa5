//! Which components there are, and which do not fare well: exporters whose backend does not take what it is sent, and plugins in quarantine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use spanmill_admin::PluginState;

use super::history::History;
use crate::config::{ComponentId, Manifest, Pipeline};
use crate::export::Registry;
use crate::health::{ComponentFault, Faults, PipelineOutline};

/// Knows exporters and plugins.
pub(super) struct ServiceFaults {
    pub(super) exporters: Registry,
    pub(super) history: Arc<History>,
}

impl Faults for ServiceFaults {
    fn faults(&self) -> BTreeMap<String, ComponentFault> {
        let mut faults = BTreeMap::new();
        for exporter in self.exporters.status() {
            if let Some(seconds) = exporter.failing_seconds.filter(|_| !exporter.part) {
                let fault = ComponentFault {
                    what: "the backend does not take what it is sent".to_owned(),
                    lasted: Duration::from_secs(seconds),
                };
                faults.insert(format!("exporter:{}", exporter.exporter), fault);
            }
        }
        for plugin in self.history.plugins() {
            if plugin.state == PluginState::Quarantined {
                let fault = ComponentFault {
                    what: "the plugin pauses after repeated faults".to_owned(),
                    // Pauses are short, and each is a new one.
                    lasted: Duration::ZERO,
                };
                faults.insert(format!("{}:{}", plugin.role, plugin.component), fault);
            }
        }
        faults
    }
}

/// The pipelines of a manifest, and what stands in each.
pub(super) fn outline(manifest: &Manifest) -> Vec<PipelineOutline> {
    let pipelines = manifest.pipelines.iter();
    let outline = |pipeline: &Pipeline| {
        let named = |kind: &str, ids: &[ComponentId]| {
            let kind_of = |id: &ComponentId| match manifest.connectors.contains_key(id) {
                true => format!("connector:{id}"),
                false => format!("{kind}:{id}"),
            };
            ids.iter().map(kind_of).collect::<Vec<_>>()
        };
        let mut components = named("receiver", &pipeline.receivers);
        components.extend(named("processor", &pipeline.processors));
        components.extend(named("exporter", &pipeline.exporters));
        PipelineOutline {
            pipeline: pipeline.id.to_string(),
            components,
        }
    };
    pipelines.map(outline).collect()
}
