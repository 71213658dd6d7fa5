//! What can go wrong with a storage.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why nothing can be stored, or what was stored cannot be read.
#[derive(Debug, Error)]
pub enum StorageError {
    /// Another process has the directory.
    #[error(
        "{}: another process uses this directory; stop it, or give this one a directory of its own", .0.display()
    )]
    InUse(PathBuf),
    /// The system does not let us.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

impl StorageError {
    pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> StorageError + use<> {
        let path = path.to_owned();
        move |cause| StorageError::Io { path, cause }
    }
}
