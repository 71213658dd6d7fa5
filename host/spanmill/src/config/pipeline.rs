//! A pipeline: its name, and the components that it connects.

use std::fmt;

use spanmill_manifest::{ComponentId, TextRange};
use spanmill_model::Signal;

/// A pipeline's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId {
    /// What it carries.
    pub signal: Signal,
    /// What stands after the slash, if anything.
    pub name: Option<String>,
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{}/{name}", self.signal),
            None => self.signal.fmt(f),
        }
    }
}

/// A pipeline. A connector stands among the exporters of one pipeline and the receivers of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pipeline {
    /// Its name.
    pub id: PipelineId,
    /// Where batches come from; at least one.
    pub receivers: Vec<ComponentId>,
    /// What is done to them, in order.
    pub processors: Vec<ComponentId>,
    /// Where they go; at least one.
    pub exporters: Vec<ComponentId>,
    /// Whether requests that wait while workers are busy share batches.
    pub coalesce: bool,
    /// Where the manifest names it.
    pub place: TextRange,
}
