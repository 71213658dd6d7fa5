//! Compiled components on disk, by content hash: a later start reads them instead of compiling.
//!
//! What is in the folder runs as native code, so it is believed only if nobody else can have written it: folder and
//! files are owned by this user or root and writable by nobody else ([`PrivateFolder`]), and each file begins with a
//! keyed hash of the rest, under a key that lies beside it and that only this user can read ([`Code::cached`]). Hashed, checked and
//! loaded are the same bytes in memory. A file that does not match is never run; its plugin is compiled anew.

mod prune;

use std::io;
use std::path::{Path, PathBuf};

use spanmill_private::PrivateFolder;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::cache_config::CacheConfig;
use crate::code::{Code, cache_hash};

/// The file with the key.
const KEY: &str = "key";
/// The largest file that is read; larger than any plugin's code.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
/// Bytes of the hash that a file begins with.
const HASH: usize = blake3::OUT_LEN;

/// The cache; without a folder nothing is kept.
pub(crate) struct Cache(Option<Opened>);

struct Opened {
    folder: PrivateFolder,
    key: [u8; blake3::KEY_LEN],
    config: CacheConfig,
}

impl Cache {
    /// Opens or makes the folder. Without one that can be trusted, everything is compiled at each start.
    pub(crate) fn open(config: Option<CacheConfig>) -> Self {
        Cache(config.and_then(|config| match Opened::new(config.clone()) {
            Ok(opened) => {
                opened.prune();
                Some(opened)
            }
            Err(error) => {
                let folder = config.folder.display();
                tracing::warn!(%folder, %error, "no cache for compiled plugins; they are compiled at each start");
                None
            }
        }))
    }

    /// A component compiled before.
    pub(crate) fn load(&self, engine: &Engine, hash: &str) -> Option<Component> {
        let opened = self.0.as_ref()?;
        let name = name(engine, hash);
        let loaded = opened.folder.read(&name, MAX_BYTES).and_then(|file| {
            let code = Code::cached(&file, &name, &opened.key).ok_or_else(|| {
                io::Error::other("its content is not what was written under this cache's key")
            })?;
            code.load(engine).map_err(io::Error::other)
        });
        match loaded {
            Ok(component) => {
                if let Err(error) = opened.folder.touch(&name) {
                    tracing::debug!(%error, "cannot note that a cached plugin is in use");
                }
                Some(component)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let file = opened.path(&name);
                tracing::info!(file = %file.display(), %error, "a cached plugin is not used; it is compiled anew");
                None
            }
        }
    }

    /// The code of a component compiled before, for any target: for a file, not to be loaded.
    pub(crate) fn code(&self, engine: &Engine, hash: &str) -> Option<Vec<u8>> {
        let opened = self.0.as_ref()?;
        let name = name(engine, hash);
        let mut file = opened.folder.read(&name, MAX_BYTES).ok()?;
        Code::cached(&file, &name, &opened.key)?;
        Some(file.split_off(HASH))
    }

    /// Keeps a compiled component. Failing is no error: it is compiled again next time.
    pub(crate) fn store(&self, engine: &Engine, hash: &str, code: &[u8]) {
        let Some(opened) = &self.0 else { return };
        let name = name(engine, hash);
        if let Err(error) = opened.write(&name, code) {
            let file = opened.path(&name);
            tracing::warn!(file = %file.display(), %error, "cannot cache a compiled plugin");
        }
        opened.prune();
    }

    /// Whether anything is kept.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_some()
    }
}

impl Opened {
    fn new(config: CacheConfig) -> io::Result<Self> {
        let folder = PrivateFolder::open(&config.folder)?;
        let key = key(&folder)?;
        Ok(Opened {
            folder,
            key,
            config,
        })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(Path::new(name))
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let hash = cache_hash(name, code, &self.key);
        let mut file = Vec::with_capacity(HASH.saturating_add(code.len()));
        file.extend_from_slice(hash.as_bytes());
        file.extend_from_slice(code);
        self.folder.write(name, &file)
    }

    fn prune(&self) {
        match prune::prune(&self.folder, &self.config, std::time::SystemTime::now()) {
            Ok(0) => {}
            Ok(files) => tracing::debug!(files, "compiled plugins removed from the cache"),
            Err(error) => tracing::warn!(%error, "cannot clean the cache of compiled plugins up"),
        }
    }
}

/// The folder's key; made if there is none, or none that only this user can have read.
fn key(folder: &PrivateFolder) -> io::Result<[u8; blake3::KEY_LEN]> {
    let read = || {
        let bytes = folder.read_secret(KEY, blake3::KEY_LEN as u64)?;
        <[u8; blake3::KEY_LEN]>::try_from(bytes).map_err(|_| io::Error::other("it is too short"))
    };
    match read() {
        Ok(key) => return Ok(key),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            let path = folder.path().display();
            tracing::info!(folder = %path, %error, "the cache's key is not used; there is a new one, and plugins are compiled anew");
            folder.remove(KEY)?;
        }
    }
    folder.write_new(KEY, &spanmill_private::random::<{ blake3::KEY_LEN }>()?)?;
    // Another process may have been faster.
    read()
}

/// As files are named: the component's SHA-256 and a fingerprint of the engine.
fn name(engine: &Engine, hash: &str) -> String {
    use std::hash::{Hash, Hasher};
    let mut fingerprint = std::hash::DefaultHasher::new();
    engine
        .precompile_compatibility_hash()
        .hash(&mut fingerprint);
    format!("{hash}-{:016x}{}", fingerprint.finish(), prune::EXTENSION)
}

#[cfg(test)]
mod tests;
