//! What a bundle holds.

use std::sync::Arc;

/// A file in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleFile {
    /// Where it is, relative to the bundle's root, with `/` between folders.
    pub path: String,
    /// What is in it.
    pub bytes: Arc<[u8]>,
}

/// What a bundle holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The manifests, in the order in which they are laid over each other.
    pub manifests: Vec<BundleFile>,
    /// Plugins, and what else the manifests need.
    pub files: Vec<BundleFile>,
}

impl Bundle {
    /// Its files, manifests first.
    pub fn all(&self) -> impl Iterator<Item = &BundleFile> {
        self.manifests.iter().chain(&self.files)
    }
}
