//! What a manifest says of a storage.

use std::path::PathBuf;
use std::time::Duration;

/// Where and how it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageSettings {
    /// The directory.
    pub directory: PathBuf,
    /// How often what changed is written.
    pub interval: Duration,
    /// Whether each write waits until it is on the disk, so that it outlives the machine as well.
    pub fsync: bool,
}
