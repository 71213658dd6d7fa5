//! What commands say, and how they fail.

use std::io::IsTerminal as _;

/// What a command failed with, as its user reads it.
pub(crate) struct Failure(pub(crate) String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(format!("error: {error}"))
    }
}

/// Whether errors may have colours.
pub(crate) fn colour() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Writes a line to stdout; a reader that has gone away is no error.
pub(crate) fn say(line: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stdout(), "{line}");
}

#[cfg(feature = "compiler")]
/// Writes a line to stderr; a reader that has gone away is no error.
pub(crate) fn warn(line: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "{line}");
}
