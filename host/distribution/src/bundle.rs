//! A manifest and its plugins in one file, signed as a whole: a tar archive with an OCI image layout, as `skopeo` and `oras`
//! copy it to a registry and back. The signature lies in it where `cosign save` puts it.

mod content;
mod layout;

use std::collections::BTreeSet;
use std::path::{Component, Path};

use crate::digest::Digest;
use crate::error::DistributionError;
use crate::signature::{self, Signature, Subject};
pub use content::{Bundle, BundleFile};
use layout::Layout;
use spanmill_keys::{PublicKey, SigningKey};

impl Bundle {
    /// Packs it, signed if there is a key. The same content gives the same digest.
    ///
    /// # Errors
    ///
    /// A path leads out of the bundle, or two files have the same.
    pub fn pack(&self, key: Option<&SigningKey>) -> Result<(Vec<u8>, Digest), DistributionError> {
        self.check_paths()
            .map_err(|(path, why)| failed(&path, why))?;
        layout::pack(self, key).map_err(|why| failed("the bundle", why))
    }

    /// Reads a bundle. With `keys`, one of them must have signed it: that is looked at before anything in it.
    ///
    /// # Errors
    ///
    /// It is no bundle, is damaged, or is not signed by a key that is trusted.
    pub fn open(
        path: &Path,
        bytes: &[u8],
        keys: &[PublicKey],
    ) -> Result<(Self, Digest), DistributionError> {
        let name = path.display().to_string();
        let layout = Layout::read(bytes).map_err(|why| failed(&name, why))?;
        if !keys.is_empty() {
            let digest = layout.digest();
            let signatures: Vec<Signature> = layout.signatures();
            let checked = signature::check(Subject::Manifest(digest), &signatures, keys);
            checked.map_err(|why| DistributionError::NotSigned {
                location: name.clone(),
                why,
            })?;
        }
        let bundle = layout.bundle().map_err(|why| failed(&name, why))?;
        let checked = bundle.check_paths();
        checked.map_err(|(path, why)| failed(&format!("{name}: {path:?}"), why))?;
        Ok((bundle, layout.digest().clone()))
    }

    /// Every file stays below the bundle's folder, and has a path of its own. Returns the path that does not, and why.
    fn check_paths(&self) -> Result<(), (String, String)> {
        let mut paths = BTreeSet::new();
        for BundleFile { path, .. } in self.all() {
            check_path(path).map_err(|why| (path.clone(), why))?;
            if !paths.insert(path) {
                return Err((path.clone(), "it is in the bundle twice".to_owned()));
            }
        }
        Ok(())
    }
}

fn failed(path: &str, why: String) -> DistributionError {
    DistributionError::File {
        path: path.to_owned(),
        why,
    }
}

/// A path stays below the folder that it is relative to.
fn check_path(path: &str) -> Result<(), String> {
    let is_plain = |component| matches!(component, Component::Normal(_));
    let stays = Path::new(path).components().all(is_plain);
    match stays && !path.is_empty() && !path.contains(|c: char| c == '\\' || c.is_control()) {
        true => Ok(()),
        false => {
            Err("it is not below the manifest's folder, so it cannot be in a bundle".to_owned())
        }
    }
}

#[cfg(test)]
mod tests;
