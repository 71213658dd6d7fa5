//! What lies inside this executable: the built-in plugins; or a manifest with all of its plugins, precompiled, and the keys that may
//! have signed others.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use spanmill_archive::{Archive, ArchiveError, Embedded, FileInfo};

/// The manifest of a bundle.
pub const MANIFEST: &str = "manifest.yaml";
/// The public keys that may have signed precompiled plugins from outside, in PEM.
pub const KEYS: &str = "keys.pem";
/// What is in every runtime of this version, by which `bundle` knows it.
#[cfg(not(feature = "compiler"))]
pub static RUNTIME_MARK: &str = concat!(
    "spanmill runtime ",
    env!("CARGO_PKG_VERSION"),
    " for bundles"
);

/// What is in every runtime of this version. Put together when it is asked for: in an executable with a compiler it must not be.
#[cfg(feature = "compiler")]
pub fn runtime_mark() -> String {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    format!("spanmill runtime {VERSION} for bundles")
}

/// What the path of a plugin inside begins with. There is no such folder anywhere else.
const PREFIX: &str = "inside:";

/// The name of a plugin's file; `extension` is `wasm` or `cwasm`.
pub fn plugin_name(kind: &str, extension: &str) -> String {
    format!("plugins/{kind}.{extension}")
}

/// The files inside; none in a program that was just built. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Inside(Option<Arc<Archive>>);

impl Inside {
    /// Of the program that runs.
    ///
    /// # Errors
    ///
    /// They are damaged.
    pub fn open() -> Result<Self, ArchiveError> {
        Ok(Inside(Archive::of_this_program()?.map(Arc::new)))
    }

    /// All files.
    pub fn files(&self) -> &[FileInfo] {
        self.0.as_deref().map_or(&[], Archive::files)
    }

    /// Whether there is a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.0.as_deref().is_some_and(|archive| archive.has(name))
    }

    /// Whether there are plugins.
    pub fn has_plugins(&self) -> bool {
        let mut files = self.files().iter();
        files.any(|file| file.name.starts_with("plugins/"))
    }

    /// The path that stands for a plugin inside, if there is one of that type.
    pub fn plugin(&self, kind: &str) -> Option<PathBuf> {
        let archive = self.0.as_deref()?;
        let mut names = ["cwasm", "wasm"]
            .map(|end| plugin_name(kind, end))
            .into_iter();
        let name = names.find(|name| archive.has(name))?;
        Some(PathBuf::from(format!("{PREFIX}{name}")))
    }

    /// Whether a path stands for a file inside.
    pub fn is_inside(path: &Path) -> bool {
        name(path).is_some()
    }

    /// The file that a path stands for; `None` for a path of the system's.
    ///
    /// # Errors
    ///
    /// It is not there or damaged.
    pub fn read(&self, path: &Path) -> Option<io::Result<Embedded>> {
        let name = name(path)?;
        Some(self.file(name).map_err(io::Error::other))
    }

    /// Lets go of what is kept for reading further files, some megabytes: after plugins were loaded.
    pub fn forget(&self) {
        if let Some(archive) = self.0.as_deref() {
            archive.forget();
        }
    }

    /// The size of a plugin inside, as it is stored.
    pub fn size(&self, path: &Path) -> Option<u64> {
        let name = name(path)?;
        let file = self.files().iter().find(|file| file.name == name)?;
        Some(file.size)
    }

    /// The text of a file, if it is there.
    ///
    /// # Errors
    ///
    /// It is damaged.
    pub fn text(&self, name: &str) -> Result<Option<String>, ArchiveError> {
        if !self.has(name) {
            return Ok(None);
        }
        let bytes = self.file(name)?.into_bytes();
        let text = String::from_utf8(bytes);
        text.map(Some)
            .map_err(|_| ArchiveError::Damaged(format!("{name} is no text")))
    }

    fn file(&self, name: &str) -> Result<Embedded, ArchiveError> {
        let missing = || ArchiveError::Missing(name.to_owned());
        self.0.as_deref().ok_or_else(missing)?.read(name)
    }
}

fn name(path: &Path) -> Option<&str> {
    path.to_str()?.strip_prefix(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_begin_so_are_inside() {
        assert!(Inside::is_inside(Path::new("inside:plugins/filter.wasm")));
        assert!(!Inside::is_inside(Path::new("plugins/filter.wasm")));
        let nothing = Inside::default();
        assert!(nothing.plugin("filter").is_none());
        assert!(nothing.read(Path::new("plugins/filter.wasm")).is_none());
        let missing = nothing.read(Path::new("inside:plugins/filter.wasm"));
        assert!(missing.unwrap().is_err());
    }
}
