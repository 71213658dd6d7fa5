//! What is wrong with a statement or a condition.

/// A place in a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
}

impl Position {
    /// Where a statement begins.
    pub const START: Position = Position { line: 1, column: 1 };
}

/// A mistake in a statement or a condition, found before anything runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OttlError {
    /// Where.
    pub position: Position,
    /// What is wrong and what to do.
    pub message: String,
}

impl OttlError {
    /// A mistake at a place.
    pub fn at(position: Position, message: impl Into<String>) -> Self {
        OttlError {
            position,
            message: message.into(),
        }
    }
}

impl std::fmt::Display for OttlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let OttlError { position, message } = self;
        if position.line > 1 {
            write!(f, "line {}, ", position.line)?;
        }
        write!(f, "column {}: {message}", position.column)
    }
}

impl std::error::Error for OttlError {}
