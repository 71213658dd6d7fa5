//! Why a plugin is not to be had.

#[cfg(feature = "client")]
use std::error::Error as _;

use thiserror::Error;

use crate::digest::Digest;

/// Why a plugin is not to be had, or cannot be given away.
#[derive(Debug, Error)]
pub enum DistributionError {
    /// Nothing says which one is meant.
    #[error("{location} is not pinned")]
    NotPinned {
        /// Where it is.
        location: String,
    },
    /// The server has it not, cannot be reached, or says something else than it should.
    #[error("{location}: {why}")]
    Server {
        /// Where it should be.
        location: String,
        /// What went wrong.
        why: String,
    },
    /// What came is something else than was meant.
    #[error("{location} is not what is pinned: expected {expected}, found {found}")]
    Digest {
        /// Where it came from.
        location: String,
        /// What is pinned.
        expected: Digest,
        /// What came.
        found: Digest,
    },
    /// The artifact holds no plugin.
    #[error("{location} holds no WebAssembly component: {why}")]
    NoPlugin {
        /// Where it came from.
        location: String,
        /// What it holds instead.
        why: String,
    },
    /// No key of those that are trusted has signed it.
    #[error("{location} has no signature by a key that is trusted: {why}")]
    NotSigned {
        /// Where it came from.
        location: String,
        /// How many signatures there are, and what is wrong with them.
        why: String,
    },
    /// The folder for what was fetched.
    #[error(
        "the folder of fetched plugins, {path}, cannot be used: {why}; SPANMILL_STORE names another"
    )]
    Store {
        /// The folder.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// A lock file or a bundle that cannot be read or written.
    #[error("{path}: {why}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        why: String,
    },
}

impl DistributionError {
    /// What is wrong, without saying of what.
    pub fn why(&self) -> String {
        match self {
            DistributionError::Server { why, .. }
            | DistributionError::NoPlugin { why, .. }
            | DistributionError::File { why, .. } => why.clone(),
            other => other.to_string(),
        }
    }
}

/// An error with what caused it, without the address, which may carry a secret.
#[cfg(feature = "client")]
pub(crate) fn told(error: &reqwest::Error) -> String {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    // The last one says what happened; those before it say that something did.
    match causes.pop() {
        Some(last) if error.is_timeout() => format!("it takes too long: {last}"),
        Some(last) if last.contains("UnknownIssuer") => {
            "the server's certificate is of an authority that this system does not know; SSL_CERT_FILE names others".to_owned()
        }
        Some(last) => last,
        None if error.is_timeout() => "it takes too long".to_owned(),
        None => "the server cannot be reached".to_owned(),
    }
}

/// A server's own words as they may stand in a message: short, and without what could forge lines or move a terminal's cursor.
#[cfg(feature = "client")]
pub(crate) fn words(text: &str) -> String {
    let plain = |char: char| if char.is_control() { ' ' } else { char };
    text.chars().take(MAX_WORDS).map(plain).collect()
}

/// Longer than any message that is meant for people.
#[cfg(feature = "client")]
const MAX_WORDS: usize = 1000;
