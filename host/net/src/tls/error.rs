//! What is wrong with the files and texts that TLS settings name. No error shows what is in them.

use std::fmt::Display;

use spanmill_manifest::TextRange;
use thiserror::Error;

use super::settings::Pem;

/// Why TLS cannot be spoken as the settings have it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct TlsError {
    /// What is wrong, and what to do.
    pub message: String,
    /// Where the setting stands in the manifest, if it is a certain one.
    pub place: Option<TextRange>,
}

impl TlsError {
    /// About the settings as a whole.
    pub(super) fn new(message: impl Into<String>) -> Self {
        TlsError {
            message: message.into(),
            place: None,
        }
    }

    /// About one of the texts.
    pub(super) fn of(pem: &Pem, cause: impl Display) -> Self {
        TlsError::at(pem, format!("cannot use {pem}: {cause}"))
    }

    /// The same, in words that name it.
    pub(super) fn at(pem: &Pem, message: String) -> Self {
        TlsError {
            message,
            place: pem.anchor.0,
        }
    }
}
