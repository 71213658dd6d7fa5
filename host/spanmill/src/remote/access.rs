//! Whether servers are asked.

/// Whether servers may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For what is not here yet.
    Online,
    /// Not now: somebody waits. What failed before is told again.
    Offline,
}
