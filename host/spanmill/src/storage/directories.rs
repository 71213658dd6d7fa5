//! The directories that a process stores in, which are its own for as long as it runs.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::StorageError;
use super::generation::{Generation, OpenGenerations};
use super::replay::PreviousRun;
use super::settings::StorageSettings;

/// The directories in use. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Storages {
    /// Their locks, which are let go of when the process ends.
    locks: Arc<Mutex<BTreeMap<PathBuf, File>>>,
    open: OpenGenerations,
}

impl Storages {
    /// Begins a generation for a component of a pipeline, and finds what earlier runs have left.
    ///
    /// # Errors
    ///
    /// If another process uses the directory, or it cannot be read or written.
    pub fn open(
        &self,
        settings: &StorageSettings,
        pipeline: &str,
        component: &str,
    ) -> Result<(Generation, PreviousRun), StorageError> {
        let directory = &settings.directory;
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if !locks.contains_key(directory) {
            locks.insert(directory.clone(), lock(directory)?);
        }
        let folder = directory.join(format!("{}+{}", escaped(pipeline), escaped(component)));
        fs::create_dir_all(&folder).map_err(StorageError::at(&folder))?;
        let previous = PreviousRun::find(&folder, &self.open)?;
        let generation = Generation::create(&folder, &self.open, settings)?;
        Ok((generation, previous))
    }
}

fn lock(directory: &Path) -> Result<File, StorageError> {
    let path = directory.join("spanmill.lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StorageError::at(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StorageError::InUse(directory.to_owned())),
        Err(TryLockError::Error(cause)) => Err(StorageError::at(&path)(cause)),
    }
}

/// An id as a file's name: ids have letters, digits, and a few signs, of which only the slash cannot stand in one.
fn escaped(id: &str) -> String {
    let mut name = String::new();
    for char in id.chars() {
        match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' => name.push(char),
            other => name.push_str(&format!("%{:x}", u32::from(other))),
        }
    }
    name
}
