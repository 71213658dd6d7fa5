//! What can be wrong with an archive.

use std::io;

use thiserror::Error;

/// What is wrong with an archive, or why it cannot be read or written.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// The system says why.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its bytes are not those that were written.
    #[error("it is damaged: {0}; install it anew")]
    Damaged(String),
    /// There is no such file in it.
    #[error("there is no {0} in it")]
    Missing(String),
    /// A file does not fit in.
    #[error("{name} cannot be put in: {why}")]
    Unfit {
        /// Its name.
        name: String,
        /// Why not.
        why: String,
    },
}

impl ArchiveError {
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        ArchiveError::Damaged(what.into())
    }
}
