//! Files of the user's own that must be signed.

use std::path::{Path, PathBuf};

use spanmill_distribution::{Digest, MAX_PLUGIN, PublicKey};
#[cfg(feature = "fetch")]
use spanmill_distribution::{Signature, check_file};
use spanmill_private::read_regular;
use spanmill_runtime::{content_hash, is_precompiled};

#[cfg(feature = "fetch")]
use super::keys::MAX_FILE;
use super::problem::Problem;
#[cfg(feature = "fetch")]
use super::problem::SIGN_FILE;

/// A plugin's file, which is the one that is meant.
#[derive(Clone, Debug)]
pub(super) struct Resolved {
    /// Where it is.
    pub(super) path: PathBuf,
    /// The file's digest; of one that is precompiled, that of its WebAssembly.
    pub(super) digest: Digest,
    /// What pins it.
    pub(super) pin: Digest,
}

/// What lies beside a file of the user's own that must be signed.
pub const BESIDE: [&str; 2] = [".sig", ".sigstore.json"];

/// The path of a file whose name goes on.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    PathBuf::from(beside)
}

/// Checks a file of the user's own that must be signed.
pub(super) fn check_own_file(path: &Path, keys: &[PublicKey]) -> Result<Resolved, Problem> {
    let name = path.display().to_string();
    let bytes = read_regular(path, MAX_PLUGIN)
        .map_err(|error| Problem::from(format!("cannot read {name}: {error}")))?;
    // Its signature is inside, and is checked, under the same keys, when it is loaded.
    if is_precompiled(&bytes)
        && let Ok(digest) = format!("sha256:{}", content_hash(&bytes)).parse::<Digest>()
    {
        return Ok(Resolved {
            path: path.to_owned(),
            pin: digest.clone(),
            digest,
        });
    }
    check_component(path, &name, &bytes, keys)?;
    let digest = Digest::of(&bytes);
    Ok(Resolved {
        path: path.to_owned(),
        pin: digest.clone(),
        digest,
    })
}

/// Checks the signatures that lie beside WebAssembly.
#[cfg(feature = "fetch")]
fn check_component(
    path: &Path,
    name: &str,
    bytes: &[u8],
    keys: &[PublicKey],
) -> Result<(), Problem> {
    let [detached, bundle] =
        BESIDE.map(|suffix| read_regular(&beside(path, suffix), MAX_FILE).ok());
    let detached = detached.map(|file| Signature::detached(&file));
    let bundle = bundle.map(Signature::Bundle);
    let signatures: Vec<Signature> = detached.into_iter().chain(bundle).collect();
    check_file(name, bytes, &signatures, keys).map_err(|error| Problem {
        help: Some(SIGN_FILE.to_owned()),
        ..Problem::from(error)
    })
}

/// Without a compiler there is nothing to do with it.
#[cfg(not(feature = "fetch"))]
fn check_component(_: &Path, name: &str, _: &[u8], _: &[PublicKey]) -> Result<(), Problem> {
    Err(Problem {
        help: Some("`spanmill plugin compile --key` makes one of it elsewhere".to_owned()),
        ..Problem::from(format!(
            "{name} is no precompiled plugin, and this spanmill runs no others"
        ))
    })
}
