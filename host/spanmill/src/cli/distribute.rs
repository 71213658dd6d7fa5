//! `spanmill plugin pull`, `push` and `pack`: plugins to and from registries, addresses and bundles.

mod bundle;
mod pack;
mod pull;
mod push;

use std::path::Path;

use spanmill_distribution::SigningKey;
use spanmill_private::read_regular;

use super::output::Failure;
pub(super) use bundle::BundleArgs;
pub(super) use pack::{PackArgs, pack};
pub(super) use pull::{PullArgs, pull};
pub(super) use push::{PushArgs, push};

/// The largest file with a key.
const MAX_KEY: u64 = 64 * 1024;

/// Reads a private key.
fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let failed = |why: String| Failure(format!("error: the key {}: {why}", path.display()));
    let pem = read_regular(path, MAX_KEY).map_err(|error| failed(error.to_string()))?;
    SigningKey::from_pem(&pem).map_err(|error| failed(error.to_string()))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("error: cannot read {}: {error}", path.display()))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("error: cannot write {}: {error}", path.display()))
}
