//! The settings of the processors that the host implements. What they do is part of how a pipeline runs.

mod batch;
mod memory_limiter;

pub use batch::Batch;
pub use memory_limiter::MemoryLimiter;

use crate::component::{ALL_SIGNALS, Component};

/// A processor as the table of components has it.
pub(crate) type ProcessorComponent = Component<HostProcessor>;

/// A processor that the host implements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostProcessor {
    /// Gathers items into larger batches.
    Batch(Batch),
    /// Refuses batches when memory runs short.
    MemoryLimiter(MemoryLimiter),
}

pub(crate) static BATCH: ProcessorComponent = Component {
    name: "batch",
    aliases: &[],
    signals: ALL_SIGNALS,
    read: |section, out| HostProcessor::Batch(batch::read(section, out)),
};

pub(crate) static MEMORY_LIMITER: ProcessorComponent = Component {
    name: "memory_limiter",
    aliases: &[],
    signals: ALL_SIGNALS,
    read: |section, out| HostProcessor::MemoryLimiter(memory_limiter::read(section, out)),
};
