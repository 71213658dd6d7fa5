//! What was fetched, kept by digest: the offline cache. Nothing in it is believed; what it holds is checked at each use.

use std::io;
use std::path::{Path, PathBuf};

use spanmill_private::PrivateFolder;

use crate::artifact::component_layer;
use crate::digest::Digest;
use crate::error::DistributionError;
use crate::exchange::{FetchRequest, Fetched};
use crate::limits::MAX_PLUGIN;
use crate::location::Location;
use crate::signature::{self, Subject};
use spanmill_keys::PublicKey;

/// The largest manifest, and the largest file of signatures.
const MAX_MANIFEST: u64 = 8 * 1024 * 1024;

/// How a component begins.
const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";

/// A folder of plugins by digest. Removing it, or a file in it, costs a download.
#[derive(Debug)]
pub struct Store {
    folder: PrivateFolder,
}

/// A plugin that is there, is the one that is pinned, and is signed if it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The component's file.
    pub path: PathBuf,
    /// The file's digest.
    pub digest: Digest,
    /// What pins it: the digest of its manifest, or of the file if there is none.
    pub pin: Digest,
}

impl Store {
    /// Opens the folder; makes it, for this user alone, if it is missing.
    ///
    /// # Errors
    ///
    /// The folder is another user's, or cannot be made.
    pub fn open(path: &Path) -> Result<Self, DistributionError> {
        let folder = PrivateFolder::open(path).map_err(|error| unusable(path, &error))?;
        Ok(Store { folder })
    }

    /// The plugin that a location with a digest names, from the store or else from where it is. With `keys`, one of them must
    /// have signed it; it is looked at before anything is kept.
    ///
    /// # Errors
    ///
    /// Why it is not to be had, or not to be trusted.
    pub fn obtain(
        &self,
        location: &Location,
        keys: &[PublicKey],
        fetch: &dyn Fn(&FetchRequest) -> Result<Fetched, DistributionError>,
    ) -> Result<Stored, DistributionError> {
        let Some(pin) = location.digest() else {
            let location = location.to_string();
            return Err(DistributionError::NotPinned { location });
        };
        // A signature may have come since: what is here and not signed is asked for again.
        if let Some(kept) = self.kept(location, pin)
            && check_signature(location, &kept, keys).is_ok()
        {
            return Ok(self.stored(&kept));
        }
        self.take(location, keys, fetch)
    }

    /// Fetches what is at a location now, whether or not it is here already. What it returns can be pinned.
    ///
    /// # Errors
    ///
    /// As [`Store::obtain`].
    pub fn take(
        &self,
        location: &Location,
        keys: &[PublicKey],
        fetch: &dyn Fn(&FetchRequest) -> Result<Fetched, DistributionError>,
    ) -> Result<Stored, DistributionError> {
        let request = FetchRequest {
            location: location.clone(),
            signatures: !keys.is_empty(),
        };
        let fetched = fetch(&request)?;
        check_digests(location, &fetched)?;
        check_signature(location, &fetched, keys)?;
        let kept = self.keep(&fetched);
        kept.map_err(|error| unusable(self.folder.path(), &error))?;
        Ok(self.stored(&fetched))
    }

    fn stored(&self, fetched: &Fetched) -> Stored {
        let digest = Digest::of(&fetched.wasm);
        Stored {
            path: self.folder.path().join(component_file(&digest)),
            digest,
            pin: fetched.digest(),
        }
    }

    fn keep(&self, fetched: &Fetched) -> io::Result<()> {
        let pin = fetched.digest();
        let digest = Digest::of(&fetched.wasm);
        self.put(&component_file(&digest), &fetched.wasm)?;
        if !fetched.signatures.is_empty() {
            let json = serde_json::to_vec(&fetched.signatures)?;
            self.put(&signatures_file(&pin), &json)?;
        }
        // The last one: with it, all is there.
        match &fetched.manifest {
            Some(manifest) => self.put(&manifest_file(&pin), manifest),
            None => Ok(()),
        }
    }

    /// Writes a file, unless it is there already: services watch what they run.
    fn put(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let most = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        match self.folder.read(name, most) {
            Ok(there) if there == bytes => Ok(()),
            _ => self.folder.write(name, bytes),
        }
    }

    /// What is kept of a plugin, if it is what it should be.
    fn kept(&self, location: &Location, pin: &Digest) -> Option<Fetched> {
        let (manifest, component) = match location.reference() {
            Some(_) => {
                let manifest = self.folder.read(&manifest_file(pin), MAX_MANIFEST).ok()?;
                let (_, component) = component_layer(&manifest).ok()?;
                (Some(manifest), component)
            }
            None => (None, pin.clone()),
        };
        let wasm = self
            .folder
            .read(&component_file(&component), MAX_PLUGIN)
            .ok()?;
        let signatures = self.folder.read(&signatures_file(pin), MAX_MANIFEST).ok();
        let signatures = signatures.and_then(|json| serde_json::from_slice(&json).ok());
        let kept = Fetched {
            manifest,
            wasm,
            signatures: signatures.unwrap_or_default(),
        };
        check_digests(location, &kept).is_ok().then_some(kept)
    }

    /// The files that hold a plugin, by name: all that [`Store::obtain`] needs of it without a server.
    ///
    /// # Errors
    ///
    /// One of them cannot be read.
    pub fn files(&self, pin: &Digest, digest: &Digest) -> io::Result<Vec<(String, Vec<u8>)>> {
        let names = [
            (component_file(digest), MAX_PLUGIN),
            (manifest_file(pin), MAX_MANIFEST),
            (signatures_file(pin), MAX_MANIFEST),
        ];
        let mut files = Vec::new();
        for (name, most) in names {
            match self.folder.read(&name, most) {
                Ok(bytes) => files.push((name, bytes)),
                // A plugin may have neither a manifest nor signatures.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }
}

/// What came is one thing throughout, and the one that is pinned if one is.
fn check_digests(location: &Location, fetched: &Fetched) -> Result<(), DistributionError> {
    let differs = |expected: &Digest, found: Digest| DistributionError::Digest {
        location: location.to_string(),
        expected: expected.clone(),
        found,
    };
    let pin = fetched.digest();
    if let Some(expected) = location.digest().filter(|expected| **expected != pin) {
        return Err(differs(expected, pin));
    }
    if !fetched.wasm.starts_with(COMPONENT) {
        return Err(DistributionError::NoPlugin {
            location: location.to_string(),
            why: "it does not begin as a component does".to_owned(),
        });
    }
    if let Some(manifest) = &fetched.manifest {
        let (_, expected) =
            component_layer(manifest).map_err(|why| DistributionError::NoPlugin {
                location: location.to_string(),
                why,
            })?;
        let found = Digest::of(&fetched.wasm);
        if found != expected {
            return Err(differs(&expected, found));
        }
    }
    Ok(())
}

fn check_signature(
    location: &Location,
    fetched: &Fetched,
    keys: &[PublicKey],
) -> Result<(), DistributionError> {
    if keys.is_empty() {
        return Ok(());
    }
    let pin = fetched.digest();
    let subject = match &fetched.manifest {
        Some(_) => Subject::Manifest(&pin),
        None => Subject::File(&fetched.wasm),
    };
    let checked = signature::check(subject, &fetched.signatures, keys);
    checked.map_err(|why| DistributionError::NotSigned {
        location: location.to_string(),
        why,
    })
}

fn unusable(path: &Path, error: &io::Error) -> DistributionError {
    DistributionError::Store {
        path: path.display().to_string(),
        why: error.to_string(),
    }
}

fn component_file(digest: &Digest) -> String {
    format!("{}.wasm", digest.hex())
}

fn manifest_file(pin: &Digest) -> String {
    format!("{}.manifest.json", pin.hex())
}

fn signatures_file(pin: &Digest) -> String {
    format!("{}.signatures.json", pin.hex())
}

#[cfg(test)]
mod tests;
