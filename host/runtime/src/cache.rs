//! Compiled components on disk, by content hash: a start maps them instead of compiling.
//!
//! The folder must be writable by nobody else, since what is in it runs as native code. Files are
//! named after the component's SHA-256 and a fingerprint of the engine, and written by rename.
#![allow(unsafe_code)] // `deserialize_file` is unsafe: it trusts the file. See `load`.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

/// The folder, or nothing if there is none to be had.
pub(crate) struct Cache {
    folder: Option<PathBuf>,
}

impl Cache {
    /// Opens or makes the folder. Without one, everything is compiled at each start.
    pub(crate) fn open(folder: Option<PathBuf>) -> Self {
        let folder = folder.filter(|folder| match private(folder) {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "no cache for compiled plugins; they are compiled at each start");
                false
            }
        });
        Cache { folder }
    }

    fn path(&self, engine: &Engine, hash: &str) -> Option<PathBuf> {
        use std::hash::{Hash, Hasher};
        let mut fingerprint = std::hash::DefaultHasher::new();
        engine
            .precompile_compatibility_hash()
            .hash(&mut fingerprint);
        let name = format!("{hash}-{:016x}.cwasm", fingerprint.finish());
        self.folder.as_ref().map(|folder| folder.join(name))
    }

    /// A component compiled before.
    pub(crate) fn load(&self, engine: &Engine, hash: &str) -> Option<Component> {
        let path = self.path(engine, hash).filter(|path| path.exists())?;
        // SAFETY: the folder is ours alone (see `private`), and only `store` writes there, what this
        // engine compiled; a file of another engine has another name, and wasmtime checks its header.
        match unsafe { Component::deserialize_file(engine, &path) } {
            Ok(component) => Some(component),
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "a cached plugin cannot be used; it is compiled anew");
                None
            }
        }
    }

    /// Keeps a compiled component. Failing is no error: it is compiled again next time.
    pub(crate) fn store(&self, engine: &Engine, hash: &str, component: &Component) {
        let Some(path) = self.path(engine, hash) else {
            return;
        };
        let written = component
            .serialize()
            .map_err(std::io::Error::other)
            .and_then(|bytes| write(&path, &bytes));
        if let Err(error) = written {
            tracing::warn!(file = %path.display(), %error, "cannot cache a compiled plugin");
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let mut file = fs::File::create(&part)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&part, path)
}

/// Makes the folder for this user only; refuses one that others can write to.
#[cfg(unix)]
fn private(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    if fs::metadata(folder)?.mode() & 0o022 != 0 {
        return Err(std::io::Error::other(
            "others can write to the folder; run `chmod go-w` on it",
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)
}
