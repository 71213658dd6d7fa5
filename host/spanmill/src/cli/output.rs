//! What commands say, and how they fail.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

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

/// Why a line of stdout was lost.
static UNSAID: OnceLock<io::Error> = OnceLock::new();

/// Writes a line to stdout. A reader that has gone away is no error; [`check_said`] returns any other.
pub(crate) fn say(line: impl std::fmt::Display) {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            // The first one counts.
            let _ = UNSAID.set(error);
        }
        _ => {}
    }
}

/// Whether everything could be written that was to be said.
///
/// # Errors
///
/// Something could not: the disk that stdout leads to is full, say.
pub(super) fn check_said() -> Result<(), Failure> {
    match UNSAID.get() {
        Some(error) => Err(Failure(format!("error: cannot write to stdout: {error}"))),
        None => Ok(()),
    }
}

/// Writes a line to stderr; a reader that has gone away is no error.
pub(crate) fn warn(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// What a command fails with that may not have a thread.
pub(super) fn no_threads(error: &io::Error) -> Failure {
    Failure(format!(
        "error: the system refuses a further thread ({error}); raise the limit, which is `ulimit -u` or the pids.max of its control group"
    ))
}
