//! Files that commands read and write.

use std::path::Path;

#[cfg(feature = "compiler")]
use spanmill_distribution::SigningKey;
use spanmill_private::read_regular;

use super::output::Failure;

#[cfg(feature = "compiler")]
/// The largest file with a key.
const MAX_KEY: u64 = 64 * 1024;
/// The largest text: settings, and what a case expects.
const MAX_TEXT: u64 = 64 * 1024 * 1024;

#[cfg(feature = "compiler")]
/// Reads a private key.
pub(super) fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let failed = |why: String| Failure(format!("error: the key {}: {why}", path.display()));
    let pem = read_regular(path, MAX_KEY).map_err(|error| failed(error.to_string()))?;
    SigningKey::from_pem(&pem).map_err(|error| failed(error.to_string()))
}

/// Reads a text.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = read_regular(path, MAX_TEXT).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| unreadable(path, &std::io::Error::other(error)))
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("error: cannot read {}: {error}", path.display()))
}

#[cfg(feature = "fetch")]
pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("error: cannot write {}: {error}", path.display()))
}
