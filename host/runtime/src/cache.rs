//! Compiled components on disk, by content hash: a later start reads them instead of compiling.
//!
//! What is in the folder runs as native code, so it is believed only if nobody else can have written it: folder and
//! files are owned by this user or root and writable by nobody else ([`PrivateFolder`]), and each file begins with a
//! keyed hash of the rest, under a key that lies beside it and that only this user can read. Hashed, checked and loaded
//! are the same bytes in memory. A file that does not match is never run; its plugin is compiled anew.
#![allow(unsafe_code)] // `deserialize` is unsafe: it trusts the bytes. See `load`.

mod config;
mod prune;

use std::io;
use std::path::{Path, PathBuf};

use spanmill_private::PrivateFolder;
use wasmtime::Engine;
use wasmtime::component::Component;

pub use config::CacheConfig;

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
        let loaded = opened.read(&name).and_then(|file| {
            let code = file.get(HASH..).unwrap_or(&[]);
            // SAFETY: this process or an earlier one of the same user compiled these very bytes and put its hash
            // before them, or `read` would have refused them. That they are this engine's, wasmtime checks.
            unsafe { Component::deserialize(engine, code) }.map_err(io::Error::other)
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

    fn hash(&self, name: &str, code: &[u8]) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        // With the name: one plugin's code under another's name would be as good as written by a stranger.
        hasher.update(blake3::hash(name.as_bytes()).as_bytes());
        hasher.update(code);
        hasher.finalize()
    }

    /// A file's bytes, the hash before them included, if they are what was written.
    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let file = self.folder.read(name, MAX_BYTES)?;
        let stored = file
            .first_chunk::<HASH>()
            .map(|hash| blake3::Hash::from_bytes(*hash));
        let code = file.get(HASH..).unwrap_or(&[]);
        // `Hash` compares in constant time.
        match stored {
            Some(stored) if stored == self.hash(name, code) => Ok(file),
            _ => Err(io::Error::other(
                "its content is not what was written under this cache's key",
            )),
        }
    }

    fn write(&self, name: &str, code: &[u8]) -> io::Result<()> {
        let hash = self.hash(name, code);
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
