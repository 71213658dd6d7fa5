//! What is wrong with a condition.

/// A mistake in a condition, found before anything runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {message}")]
pub struct OttlError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl OttlError {
    pub(crate) fn at(column: usize, message: impl Into<String>) -> Self {
        OttlError {
            column,
            message: message.into(),
        }
    }
}
