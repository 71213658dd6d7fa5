//! `--bundle`: a manifest and its plugins from one file, unpacked into a folder of this user's.

use std::path::{Component, Path, PathBuf};

use clap::Args;
use spanmill_distribution::{Bundle, BundleFile, MAX_BUNDLE};
use spanmill_private::{PrivateFolder, read_regular, replace};

use super::files::{unreadable, unwritable};
use super::output::Failure;
use crate::remote::read_keys;
use crate::service::Folders;

/// In a bundle, where the plugins are that were fetched.
pub(super) const STORE: &str = "store";

/// Which bundle.
#[derive(Args, Debug)]
pub(super) struct BundleArgs {
    /// A manifest and its plugins in one file, as `spanmill plugin pack` makes it.
    #[arg(long, value_name = "FILE", conflicts_with = "config")]
    bundle: Option<PathBuf>,
    /// A public key in PEM. Given once or more, one of them must have signed the bundle.
    #[arg(long = "bundle-key", value_name = "FILE", requires = "bundle")]
    keys: Vec<PathBuf>,
}

impl BundleArgs {
    /// Whether there is one.
    pub(super) fn is_given(&self) -> bool {
        self.bundle.is_some()
    }

    /// Unpacks the bundle, if there is one, and returns its manifests. What was fetched is then looked for in it.
    pub(super) fn unpack(&self, mut folders: Folders) -> Result<(Folders, Vec<String>), Failure> {
        let Some(path) = &self.bundle else {
            return Ok((folders, Vec::new()));
        };
        let keys = read_keys(&self.keys).map_err(|why| Failure(format!("error: {why}")))?;
        let bytes = read_regular(path, MAX_BUNDLE).map_err(|error| unreadable(path, &error))?;
        let (bundle, digest) = Bundle::open(path, &bytes, &keys)?;
        if keys.is_empty() {
            tracing::warn!(
                bundle = %path.display(),
                "whoever made it is trusted: --bundle-key names the key that must have signed it"
            );
        }
        let store = folders.store.as_deref().ok_or_else(|| {
            let why = "there is no folder to unpack it in: set SPANMILL_STORE, or HOME";
            Failure(format!("error: {}: {why}", path.display()))
        })?;
        let root = store.join(format!("bundle-{}", digest.hex()));
        // Nobody else can change what is in it.
        PrivateFolder::open(store).map_err(|error| unwritable(store, &error))?;
        PrivateFolder::open(&root).map_err(|error| unwritable(&root, &error))?;
        for file in bundle.all() {
            put(&root, file)?;
        }
        folders.store = Some(root.join(STORE));
        let manifests = bundle.manifests.iter();
        let manifests = manifests
            .map(|file| format!("file:{}", root.join(&file.path).display()))
            .collect();
        Ok((folders, manifests))
    }
}

/// Puts a file in its place, unless it is there already. Its path was checked to stay below the folder.
fn put(root: &Path, file: &BundleFile) -> Result<(), Failure> {
    let path = root.join(&file.path);
    let length = u64::try_from(file.bytes.len()).unwrap_or(u64::MAX);
    if read_regular(&path, length).is_ok_and(|there| there == *file.bytes) {
        return Ok(());
    }
    let mut folder = root.to_owned();
    let parents = Path::new(&file.path).parent().unwrap_or(Path::new(""));
    for component in parents.components() {
        if let Component::Normal(name) = component {
            folder.push(name);
            PrivateFolder::open(&folder).map_err(|error| unwritable(&folder, &error))?;
        }
    }
    replace(&path, &file.bytes).map_err(|error| unwritable(&path, &error))
}
