//! Files that commands read and write.

use std::path::Path;

use spanmill_distribution::SigningKey;
use spanmill_private::read_regular;

use super::output::Failure;

/// The largest file with a key.
const MAX_KEY: u64 = 64 * 1024;

/// Reads a private key.
pub(super) fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let failed = |why: String| Failure(format!("error: the key {}: {why}", path.display()));
    let pem = read_regular(path, MAX_KEY).map_err(|error| failed(error.to_string()))?;
    SigningKey::from_pem(&pem).map_err(|error| failed(error.to_string()))
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("error: cannot read {}: {error}", path.display()))
}

pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("error: cannot write {}: {error}", path.display()))
}
