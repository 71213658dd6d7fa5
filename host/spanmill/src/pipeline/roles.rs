//! What a plugin does in a pipeline: that follows from where the manifest names it.

use std::sync::Arc;

use spanmill_runtime::{Kind, Role};

use crate::config::{self, ComponentId, Manifest, Signal};

/// The roles of a plugin of these kinds in a pipeline, each of which has an instance of its own: a processor's, or as many
/// as there are things to be made of what the pipeline gives to a connector. None if the plugin does not stand in the
/// pipeline, or cannot do what it would have to.
pub(super) fn roles(
    manifest: &Manifest,
    pipeline: &config::Pipeline,
    id: &ComponentId,
    kinds: &[Kind],
) -> Vec<Role> {
    if pipeline.processors.contains(id) {
        return match kinds.contains(&Kind::Processor) {
            true => vec![Role::Processor],
            false => Vec::new(),
        };
    }
    if !pipeline.exporters.contains(id) {
        return Vec::new();
    }
    let signal = pipeline.id.signal;
    let gives_to = |to: Signal| manifest.fed_by(id).any(|onward| onward.id.signal == to);
    let routes = kinds.contains(&Kind::Router) && gives_to(signal);
    let is_open = |to: Signal| gives_to(to) && !(routes && to == signal);
    let mut roles = Vec::new();
    if routes {
        let onward = manifest.fed_by(id);
        let onward = onward.filter(|onward| onward.id.signal == signal);
        let names: Vec<String> = onward.map(|onward| onward.id.to_string()).collect();
        roles.push(Role::Router {
            signal,
            pipelines: Arc::from(names),
        });
    }
    if kinds.contains(&Kind::Connector) && is_open(Signal::Metrics) {
        roles.push(Role::Connector);
    }
    let makes_records = is_open(Signal::Traces) || is_open(Signal::Logs);
    if kinds.contains(&Kind::RecordConnector) && makes_records {
        roles.push(Role::RecordConnector);
    }
    roles
}
