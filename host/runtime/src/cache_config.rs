//! Where compiled plugins are kept.

use std::path::PathBuf;
use std::time::Duration;

/// Where compiled plugins are kept, and how many of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheConfig {
    /// The folder.
    pub folder: PathBuf,
    /// Bytes that its files may have together; those that were not used for longest go first.
    pub max_bytes: u64,
    /// Files that were not used for longer go.
    pub max_age: Duration,
}

impl CacheConfig {
    /// A folder with the usual limits: 1 GiB, 30 days.
    pub fn new(folder: PathBuf) -> Self {
        CacheConfig {
            folder,
            max_bytes: 1024 * 1024 * 1024,
            max_age: Duration::from_secs(30 * 24 * 3600),
        }
    }
}
