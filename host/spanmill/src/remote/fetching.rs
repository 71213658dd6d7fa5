//! Plugins that are fetched: from servers, by a process of its own, into a store.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use spanmill_distribution::{
    DistributionError, FetchRequest, Fetched, Location, LockFile, PublicKey, Store, Stored,
};

use super::access::Access;
use super::keys::read_keys;
use super::own_file::Resolved;
use super::problem::Problem;
use super::process::FetchProcess;
use crate::config::{Diagnostic, PluginSpec};

/// Fetches plugins and keeps them.
#[derive(Clone, Debug)]
pub(super) struct Elsewhere {
    store: Option<PathBuf>,
    process: Arc<FetchProcess>,
    /// What was not to be had when it was last tried, and why.
    failed: Arc<Mutex<BTreeMap<String, Problem>>>,
}

impl Elsewhere {
    /// Keeps plugins in `store`; `program`, spanmill itself, is what fetches them.
    pub(super) fn new(store: Option<PathBuf>, program: PathBuf) -> Self {
        Elsewhere {
            store,
            process: Arc::new(FetchProcess::new(program)),
            failed: Arc::default(),
        }
    }

    /// Ends what is being fetched; nothing is fetched any more.
    pub(super) fn stop(&self) {
        self.process.stop();
    }

    /// What was not to be had may be tried again.
    pub(super) fn try_again(&self) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.clear();
    }

    /// The file of a plugin from elsewhere: the one that is pinned.
    pub(super) fn resolve(
        &self,
        spec: &PluginSpec,
        location: &Location,
        keys: &[PublicKey],
        lock: &Result<LockFile, DistributionError>,
        access: Access,
    ) -> Result<Resolved, Problem> {
        let lock = lock
            .as_ref()
            .map_err(|error| Problem::from(error.to_string()))?;
        let location = lock.pinned(location);
        let name = location.to_string();
        let obtained = self
            .store()?
            .obtain(&location, keys, &|request| match access {
                Access::Online => self.fetch(request),
                Access::Offline => Err(DistributionError::Server {
                    location: name.clone(),
                    why: "it was not fetched".to_owned(),
                }),
            });
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match obtained {
            Ok(stored) => check_digest(spec, &location, &stored).map(|()| Resolved {
                path: stored.path,
                digest: stored.digest,
                pin: stored.pin,
            }),
            Err(error) => {
                let problem = Problem::new(error, &location);
                match access {
                    Access::Online => {
                        failed.insert(name, problem.clone());
                        Err(problem)
                    }
                    Access::Offline => Err(failed.get(&name).cloned().unwrap_or(problem)),
                }
            }
        }
    }

    /// The plugin that a manifest names, from where it is: the one that is pinned, or what is there now.
    ///
    /// # Errors
    ///
    /// A complaint at the place where the manifest names it.
    pub(super) fn pull(
        &self,
        spec: &PluginSpec,
        location: &Location,
    ) -> Result<Stored, Box<Diagnostic>> {
        let pulled = || {
            let keys = read_keys(&spec.keys).map_err(Problem::of_keys)?;
            let fetch = |request: &_| self.fetch(request);
            let store = self.store()?;
            let pulled = match location.digest() {
                Some(_) => store.obtain(location, &keys, &fetch),
                None => store.take(location, &keys, &fetch),
            };
            let stored = pulled.map_err(|error| Problem::new(error, location))?;
            check_digest(spec, location, &stored)?;
            Ok(stored)
        };
        let owner = format!("plugin {}", spec.kind);
        pulled().map_err(|problem: Problem| Box::new(problem.diagnostic(&owner, spec)))
    }

    /// Where plugins are kept.
    pub(super) fn store(&self) -> Result<Store, DistributionError> {
        let path = self
            .store
            .as_deref()
            .ok_or_else(|| DistributionError::Store {
                path: "store".to_owned(),
                why: "there is no HOME to put it in".to_owned(),
            })?;
        Store::open(path)
    }

    /// Fetches a plugin, in a process of its own.
    pub(super) fn fetch(&self, request: &FetchRequest) -> Result<Fetched, DistributionError> {
        tracing::info!(plugin = %request.location, "fetching");
        self.process
            .run(request)
            .map_err(|why| DistributionError::Server {
                location: request.location.to_string(),
                why,
            })
    }
}

/// Whether what was fetched is the file that the manifest names by digest.
fn check_digest(spec: &PluginSpec, location: &Location, stored: &Stored) -> Result<(), Problem> {
    match &spec.digest {
        Some(expected) if *expected != stored.digest => {
            let error = DistributionError::Digest {
                location: location.to_string(),
                expected: expected.clone(),
                found: stored.digest.clone(),
            };
            Err(Problem::new(error, location))
        }
        _ => Ok(()),
    }
}
