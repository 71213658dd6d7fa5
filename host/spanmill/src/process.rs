//! The settings of the processors that the host implements. What they do is part of how a pipeline runs.

pub(crate) mod batch;
pub(crate) mod memory_limiter;

pub use batch::Batch;
pub use memory_limiter::MemoryLimiter;

use crate::component::Component;

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
