//! `spanmill.lock`: which plugin each location of a manifest means, until `spanmill plugin pull --update` asks again.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use spanmill_private::{read_regular, replace};

use crate::digest::Digest;
use crate::error::DistributionError;
use crate::location::Location;

/// The file's name, beside the manifest.
pub const LOCK_FILE: &str = "spanmill.lock";

/// Far larger than any lock file.
const MAX_BYTES: u64 = 1024 * 1024;
const VERSION: u32 = 1;

/// Digests by location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    version: u32,
    plugins: BTreeMap<String, Digest>,
}

impl Default for LockFile {
    fn default() -> Self {
        LockFile {
            version: VERSION,
            plugins: BTreeMap::new(),
        }
    }
}

impl LockFile {
    /// Reads a lock file; one that is not there locks nothing.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is of a later version.
    pub fn read(path: &Path) -> Result<Self, DistributionError> {
        let failed = |why: String| DistributionError::File {
            path: path.display().to_string(),
            why,
        };
        let bytes = match read_regular(path, MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error.to_string())),
        };
        let lock: LockFile = serde_json::from_slice(&bytes)
            .map_err(|error| failed(format!(
                "it is no lock file: {error}; delete it, and `spanmill plugin pull --config` writes it anew"
            )))?;
        match lock.version {
            VERSION => Ok(lock),
            version => Err(failed(format!(
                "it is of version {version}, and this spanmill reads version {VERSION}"
            ))),
        }
    }

    /// Puts it in place, whole or not at all.
    ///
    /// # Errors
    ///
    /// The folder cannot be written to.
    pub fn write(&self, path: &Path) -> Result<(), DistributionError> {
        let failed = |why: String| DistributionError::File {
            path: path.display().to_string(),
            why,
        };
        let mut text =
            serde_json::to_string_pretty(self).map_err(|error| failed(error.to_string()))?;
        text.push('\n');
        replace(path, text.as_bytes()).map_err(|error| failed(error.to_string()))
    }

    /// The location with the digest that it is locked to; as it is if it names one itself, or is not locked.
    pub fn pinned(&self, location: &Location) -> Location {
        match (location.digest(), self.plugins.get(&location.key())) {
            (None, Some(digest)) => location.pinned(digest.clone()),
            _ => location.clone(),
        }
    }

    /// Locks a location to a digest.
    pub fn lock(&mut self, location: &Location, digest: Digest) {
        self.plugins.insert(location.key(), digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_pins_what_names_no_digest_itself() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        assert_eq!(LockFile::read(&path).unwrap(), LockFile::default());
        let location = Location::oci("example.com/it:1").unwrap();
        let address = Location::https("https://example.com/it.wasm").unwrap();
        let (first, second) = (Digest::of(b"1"), Digest::of(b"2"));
        let mut lock = LockFile::default();
        lock.lock(&location, first.clone());
        lock.lock(&address, second.clone());
        lock.write(&path).unwrap();
        let lock = LockFile::read(&path).unwrap();
        assert_eq!(lock.pinned(&location).digest(), Some(&first));
        assert_eq!(lock.pinned(&address).digest(), Some(&second));
        let own = location.pinned(second.clone());
        assert_eq!(lock.pinned(&own).digest(), Some(&second));
    }

    #[test]
    fn what_is_no_lock_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK_FILE);
        for (text, why) in [
            ("", "no lock file"),
            (r#"{"version": 2, "plugins": {}}"#, "version 2"),
            (r#"{"version": 1, "plugins": {"oci:a": "md5:1"}}"#, "sha256"),
        ] {
            std::fs::write(&path, text).unwrap();
            let refused = LockFile::read(&path).unwrap_err().to_string();
            assert!(
                refused.contains(why) && refused.contains(LOCK_FILE),
                "{refused}"
            );
        }
    }
}
