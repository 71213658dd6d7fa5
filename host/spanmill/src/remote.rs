//! From what the manifest says of plugins elsewhere to files that are here, the ones that are pinned, and signed where they
//! must be. All of it comes before a byte is compiled.

mod access;
#[cfg(feature = "fetch")]
mod fetching;
mod keys;
mod own_file;
mod problem;
#[cfg(feature = "fetch")]
mod process;
#[cfg(not(feature = "fetch"))]
mod unfetched;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use spanmill_distribution::{DistributionError, LOCK_FILE, LockFile};
#[cfg(feature = "fetch")]
use spanmill_distribution::{FetchRequest, Fetched, Location, Store, Stored};

#[cfg(feature = "fetch")]
use crate::config::Diagnostic;
use crate::config::{
    ComponentId, Connector, Diagnostics, Manifest, ManifestSource, PluginSpec, Processor,
};
use crate::inside::Inside;
pub use access::Access;
#[cfg(feature = "fetch")]
use fetching::Elsewhere;
pub use keys::read_keys;
pub use own_file::{BESIDE, beside};
use own_file::{Resolved, check_own_file};
use problem::Problem;
#[cfg(not(feature = "fetch"))]
use unfetched::Elsewhere;

/// Finds plugins that the manifest does not name by a file alone.
#[derive(Clone, Debug)]
pub struct RemotePlugins {
    inside: Inside,
    elsewhere: Elsewhere,
}

impl RemotePlugins {
    /// Keeps what is fetched in `store`; `program`, spanmill itself, is what fetches it.
    pub fn new(store: Option<PathBuf>, program: PathBuf, inside: Inside) -> Self {
        RemotePlugins {
            inside,
            elsewhere: Elsewhere::new(store, program),
        }
    }

    /// Ends what is being fetched; nothing is fetched any more.
    pub fn stop(&self) {
        self.elsewhere.stop();
    }

    /// Puts the file of each plugin from elsewhere into the manifest, and checks what must be signed. Complaints stand where
    /// the manifest says where the plugin is.
    pub fn resolve(
        &self,
        manifest: &mut Manifest,
        from: &ManifestSource,
        access: Access,
        out: &mut Diagnostics,
    ) {
        if access == Access::Online {
            self.elsewhere.try_again();
        }
        let mut done = BTreeMap::new();
        let lock_file = from.files().next().map(|file| lock_file(file));
        let mut lock = None;
        for (owner, spec) in specs_mut(manifest) {
            // A bundle's own manifest has all of its plugins beside it.
            if from.is_default()
                && spec.source_place.is_some()
                && let Some(path) = self.inside.plugin(&spec.kind)
            {
                (spec.file, spec.location) = (Some(path), None);
                spec.keys.clear();
                continue;
            }
            if spec.location.is_none() && spec.keys.is_empty() {
                continue;
            }
            // A plugin may be used more than once; it is fetched, and complained about, once.
            let resolved = done.entry(spec.kind.clone()).or_insert_with(|| {
                let lock = lock.get_or_insert_with(|| match &lock_file {
                    Some(path) => LockFile::read(path),
                    None => Ok(LockFile::default()),
                });
                let resolved = self.resolve_one(spec, lock, access);
                resolved.map_err(|problem| out.push(problem.diagnostic(&owner, spec)))
            });
            match resolved {
                Ok(resolved) => {
                    spec.file = Some(resolved.path.clone());
                    spec.location = spec
                        .location
                        .take()
                        .map(|location| location.pinned(resolved.pin.clone()));
                    spec.digest = Some(resolved.digest.clone());
                }
                // Not loaded, and so not complained about again.
                Err(()) => spec.file = None,
            }
        }
    }

    fn resolve_one(
        &self,
        spec: &PluginSpec,
        lock: &Result<LockFile, DistributionError>,
        access: Access,
    ) -> Result<Resolved, Problem> {
        let keys = read_keys(&spec.keys).map_err(Problem::of_keys)?;
        match &spec.location {
            Some(location) => self.elsewhere.resolve(spec, location, &keys, lock, access),
            None => check_own_file(spec.file.as_deref().unwrap_or(Path::new("")), &keys),
        }
    }
}

#[cfg(feature = "fetch")]
impl RemotePlugins {
    /// The plugin that a manifest names, from where it is: the one that is pinned, or what is there now.
    ///
    /// # Errors
    ///
    /// A complaint at the place where the manifest names it.
    pub fn pull(&self, spec: &PluginSpec, location: &Location) -> Result<Stored, Box<Diagnostic>> {
        self.elsewhere.pull(spec, location)
    }

    /// Where plugins are kept.
    ///
    /// # Errors
    ///
    /// There is no such folder, or it is another user's.
    pub fn store(&self) -> Result<Store, DistributionError> {
        self.elsewhere.store()
    }

    /// Fetches a plugin, in a process of its own.
    ///
    /// # Errors
    ///
    /// What the server said, or why it was not reached.
    pub fn fetch(&self, request: &FetchRequest) -> Result<Fetched, DistributionError> {
        self.elsewhere.fetch(request)
    }
}

/// The lock file of a manifest.
pub fn lock_file(manifest: &Path) -> PathBuf {
    manifest.with_file_name(LOCK_FILE)
}

/// What a manifest says of each plugin in it, by the component that it is.
fn specs_mut(manifest: &mut Manifest) -> impl Iterator<Item = (String, &mut PluginSpec)> {
    let named = |role: &str, id: &ComponentId| format!("{role} {id}");
    let processors = manifest.processors.iter_mut();
    let processors = processors.filter_map(move |(id, processor)| match processor {
        Processor::Plugin(plugin) => Some((named("processor", id), &mut plugin.spec)),
        Processor::Host(_) => None,
    });
    let connectors = manifest.connectors.iter_mut();
    let connectors = connectors.filter_map(move |(id, connector)| match connector {
        Connector::Plugin(plugin) => Some((named("connector", id), &mut plugin.spec)),
        Connector::Host(_) => None,
    });
    processors.chain(connectors)
}
