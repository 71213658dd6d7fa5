//! Names of pipelines.

use std::fmt;

use crate::config::Signal;

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
