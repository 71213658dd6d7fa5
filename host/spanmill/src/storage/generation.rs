//! What one run of one pipeline writes: a folder of its own, which takes the place of those before once it has all of what was
//! left in them.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::error::StorageError;
use super::settings::StorageSettings;

/// The file that says that a generation is whole: each line names one that it took the place of.
pub(super) const READY: &str = "ready";

/// The generations that this process writes. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenGenerations(Arc<Mutex<Vec<PathBuf>>>);

impl OpenGenerations {
    fn paths(&self) -> MutexGuard<'_, Vec<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn contain(&self, path: &Path) -> bool {
        self.paths().iter().any(|open| open == path)
    }
}

/// A folder that a journal is written to.
#[derive(Debug)]
pub struct Generation {
    path: PathBuf,
    open: OpenGenerations,
    interval: Duration,
    fsync: bool,
}

impl Generation {
    pub(super) fn create(
        folder: &Path,
        open: &OpenGenerations,
        settings: &StorageSettings,
    ) -> Result<Self, StorageError> {
        let number = numbers(folder)?.into_iter().max().unwrap_or(0);
        let path = folder.join(number.saturating_add(1).to_string());
        fs::create_dir(&path).map_err(StorageError::at(&path))?;
        open.paths().push(path.clone());
        Ok(Generation {
            path,
            open: open.clone(),
            interval: settings.interval,
            fsync: settings.fsync,
        })
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How often what changed is written.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// Whether writes wait until they are on the disk.
    pub fn fsync(&self) -> bool {
        self.fsync
    }

    /// It has all of what earlier generations had: they are deleted.
    ///
    /// # Errors
    ///
    /// If that cannot be noted. Nothing is deleted then.
    pub fn replaces(&self, earlier: &[PathBuf]) -> Result<(), StorageError> {
        let ready = self.path.join(READY);
        let part = self.path.join("ready.part");
        let names: Vec<&str> = earlier
            .iter()
            .filter_map(|path| path.file_name()?.to_str())
            .collect();
        let write = || {
            let mut file = fs::File::create(&part)?;
            file.write_all(names.join("\n").as_bytes())?;
            file.sync_all()?;
            fs::rename(&part, &ready)
        };
        write().map_err(StorageError::at(&ready))?;
        for path in earlier {
            if let Err(cause) = fs::remove_dir_all(path) {
                tracing::warn!(path = %path.display(), %cause,
                    "cannot delete what earlier runs have stored; it is of no use any more");
            }
        }
        Ok(())
    }

    /// Nothing is held any more, and nothing will be: its files go.
    pub fn delete(&self) {
        if let Err(cause) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %cause,
                "cannot delete what was stored; it is of no use any more");
        }
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        self.open.paths().retain(|open| *open != self.path);
    }
}

/// The numbers of the generations in a folder.
pub(super) fn numbers(folder: &Path) -> Result<Vec<u64>, StorageError> {
    let entries = fs::read_dir(folder).map_err(StorageError::at(folder))?;
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.map_err(StorageError::at(folder))?;
        numbers.extend(
            entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse::<u64>().ok()),
        );
    }
    numbers.sort_unstable();
    Ok(numbers)
}
