//! Keys that must have signed what runs.

use std::path::PathBuf;

use spanmill_distribution::PublicKey;
use spanmill_private::read_regular;

/// The largest key or signature that is read from a file.
pub(super) const MAX_FILE: u64 = 256 * 1024;

/// Reads public keys from files.
pub fn read_keys(paths: &[PathBuf]) -> Result<Vec<PublicKey>, String> {
    let read = |path: &PathBuf| {
        let failed = |why: String| format!("the key {}: {why}", path.display());
        let pem = read_regular(path, MAX_FILE).map_err(|error| failed(error.to_string()))?;
        PublicKey::all_from_pem(&pem).map_err(|error| failed(error.to_string()))
    };
    let keys: Vec<Vec<PublicKey>> = paths.iter().map(read).collect::<Result<_, _>>()?;
    Ok(keys.into_iter().flatten().collect())
}
