//! From what the manifest says of plugins elsewhere to files that are here, the ones that are pinned, and signed where they
//! must be. All of it comes before a byte is compiled.

mod process;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use spanmill_distribution::{
    Digest, DistributionError, FetchRequest, Fetched, LOCK_FILE, Location, LockFile, MAX_PLUGIN,
    PublicKey, Signature, Store, Stored, check_file,
};
use spanmill_private::read_regular;
use spanmill_runtime::{content_hash, is_precompiled};

use crate::config::{
    ComponentId, Connector, Diagnostic, Diagnostics, Manifest, ManifestSource, PluginSpec,
    Processor,
};
use crate::inside::Inside;
use process::FetchProcess;

/// The largest key or signature that is read from a file.
const MAX_FILE: u64 = 256 * 1024;

/// Fetches plugins and keeps them.
#[derive(Clone, Debug)]
pub struct RemotePlugins {
    store: Option<PathBuf>,
    inside: Inside,
    process: Arc<FetchProcess>,
    /// What was not to be had when it was last tried, and why.
    failed: Arc<Mutex<BTreeMap<String, Problem>>>,
}

/// Whether servers may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// For what is not here yet.
    Online,
    /// Not now: somebody waits. What failed before is told again.
    Offline,
}

impl RemotePlugins {
    /// Keeps plugins in `store`; `program`, spanmill itself, is what fetches them.
    pub fn new(store: Option<PathBuf>, program: PathBuf, inside: Inside) -> Self {
        RemotePlugins {
            store,
            inside,
            process: Arc::new(FetchProcess::new(program)),
            failed: Arc::default(),
        }
    }

    /// Ends what is being fetched; nothing is fetched any more.
    pub fn stop(&self) {
        self.process.stop();
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
            let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
            failed.clear();
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
    ) -> Result<Stored, Problem> {
        let keys = read_keys(&spec.keys).map_err(Problem::of_keys)?;
        let Some(location) = &spec.location else {
            let path = spec.file.as_deref().unwrap_or(Path::new(""));
            return check_own_file(path, &keys);
        };
        let lock = lock
            .as_ref()
            .map_err(|error| Problem::from(error.to_string()))?;
        let location = lock.pinned(location);
        let name = location.to_string();
        let obtained = self
            .store()?
            .obtain(&location, &keys, &|request| match access {
                Access::Online => self.fetch(request),
                Access::Offline => Err(DistributionError::Server {
                    location: name.clone(),
                    why: "it was not fetched".to_owned(),
                }),
            });
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match obtained {
            Ok(stored) => check_digest(spec, &location, &stored).map(|()| stored),
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
    pub fn pull(&self, spec: &PluginSpec, location: &Location) -> Result<Stored, Box<Diagnostic>> {
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
    pub fn store(&self) -> Result<Store, DistributionError> {
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
    pub fn fetch(&self, request: &FetchRequest) -> Result<Fetched, DistributionError> {
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

/// The lock file of a manifest.
pub fn lock_file(manifest: &Path) -> PathBuf {
    manifest.with_file_name(LOCK_FILE)
}

/// A complaint, and what to do.
#[derive(Clone, Debug)]
struct Problem {
    why: String,
    help: Option<String>,
    /// Whether it is about `keys`, and not about where the plugin is.
    is_of_keys: bool,
}

impl From<String> for Problem {
    fn from(why: String) -> Self {
        Problem {
            why,
            help: None,
            is_of_keys: false,
        }
    }
}

impl From<DistributionError> for Problem {
    fn from(error: DistributionError) -> Self {
        Problem::from(error.to_string())
    }
}

impl Problem {
    fn of_keys(why: String) -> Self {
        Problem {
            is_of_keys: true,
            ..Problem::from(why)
        }
    }

    /// What is wrong with what a location led to.
    fn new(error: DistributionError, location: &Location) -> Self {
        let help = match &error {
            DistributionError::NotPinned { .. } => Some(format!(
                "`spanmill plugin pull --config FILE` writes its digest into {LOCK_FILE}; or pin it here, with `@sha256:..`, or \
                 `digest:` for an address"
            )),
            DistributionError::Digest { .. } => Some(
                "do not use it before you know why; if what is there now is meant, pin its digest".to_owned(),
            ),
            DistributionError::NotSigned { .. } if location.is_registry() => Some(
                "sign it with `cosign sign --key`, or `spanmill plugin push --key`; or name the key of who signed it in `keys:`"
                    .to_owned(),
            ),
            DistributionError::NotSigned { .. } => Some(SIGN_FILE.to_owned()),
            _ => None,
        };
        Problem {
            help,
            ..Problem::from(error)
        }
    }

    fn diagnostic(self, owner: &str, spec: &PluginSpec) -> Diagnostic {
        let source = spec.source_place.or(spec.place);
        let place = match self.is_of_keys {
            true => spec.keys_place.or(source),
            false => source,
        };
        let message = format!("{owner}: {}", self.why);
        Diagnostic::error(place.unwrap_or_default(), message).maybe_help(self.help)
    }
}

/// What to do about a file that is not signed.
const SIGN_FILE: &str = "put NAME.wasm.sig beside it, of `cosign sign-blob --key` or `openssl dgst -sha256 -sign`, before the file itself; or name the key of who \
                         signed it in `keys:`";

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

/// What lies beside a file of the user's own that must be signed.
pub const BESIDE: [&str; 2] = [".sig", ".sigstore.json"];

/// The path of a file whose name goes on.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(suffix);
    PathBuf::from(beside)
}

/// Checks a file of the user's own that must be signed.
fn check_own_file(path: &Path, keys: &[PublicKey]) -> Result<Stored, Problem> {
    let name = path.display().to_string();
    let bytes = read_regular(path, MAX_PLUGIN)
        .map_err(|error| Problem::from(format!("cannot read {name}: {error}")))?;
    // Its signature is inside, and is checked, under the same keys, when it is loaded.
    if is_precompiled(&bytes)
        && let Ok(digest) = format!("sha256:{}", content_hash(&bytes)).parse::<Digest>()
    {
        return Ok(Stored {
            path: path.to_owned(),
            pin: digest.clone(),
            digest,
        });
    }
    let [detached, bundle] =
        BESIDE.map(|suffix| read_regular(&beside(path, suffix), MAX_FILE).ok());
    let detached = detached.map(|file| Signature::detached(&file));
    let bundle = bundle.map(Signature::Bundle);
    let signatures: Vec<Signature> = detached.into_iter().chain(bundle).collect();
    check_file(&name, &bytes, &signatures, keys).map_err(|error| Problem {
        help: Some(SIGN_FILE.to_owned()),
        ..Problem::from(error)
    })?;
    let digest = Digest::of(&bytes);
    Ok(Stored {
        path: path.to_owned(),
        pin: digest.clone(),
        digest,
    })
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
