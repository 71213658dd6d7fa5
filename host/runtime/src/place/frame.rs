//! A call under way in a script.

use crate::error::words;

/// A call of a script's function.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) function: String,
    pub(super) file: String,
    pub(super) line: Option<u32>,
}

impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({}", words(&self.function), words(&self.file))?;
        match self.line {
            Some(line) => write!(f, ":{line})"),
            None => write!(f, ")"),
        }
    }
}
