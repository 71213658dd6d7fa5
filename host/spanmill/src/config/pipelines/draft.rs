//! Pipelines as they are written, before it is known whether they fit together.

use std::collections::BTreeMap;

use spanmill_manifest::{ComponentId, TextRange};

use crate::config::pipeline::PipelineId;
use spanmill_model::Signal;

/// Every id that the manifest defines, whether its settings are right or not.
#[derive(Debug, Default)]
pub(in crate::config) struct DeclaredComponents {
    pub(in crate::config) receivers: BTreeMap<ComponentId, TextRange>,
    pub(in crate::config) processors: BTreeMap<ComponentId, TextRange>,
    pub(in crate::config) connectors: BTreeMap<ComponentId, TextRange>,
    pub(in crate::config) exporters: BTreeMap<ComponentId, TextRange>,
    pub(in crate::config) extensions: BTreeMap<ComponentId, TextRange>,
}

/// A pipeline as it is written.
pub(super) struct PipelineDraft {
    pub(super) id: PipelineId,
    pub(super) place: TextRange,
    pub(super) receivers: Vec<(ComponentId, TextRange)>,
    pub(super) processors: Vec<(ComponentId, TextRange)>,
    pub(super) exporters: Vec<(ComponentId, TextRange)>,
    pub(super) coalesce: bool,
}

/// Signals as a person lists them: `traces or logs`.
pub(super) fn names(signals: &[Signal]) -> String {
    let names: Vec<&str> = signals.iter().map(|signal| signal.name()).collect();
    names.join(" or ")
}
