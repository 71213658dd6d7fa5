//! Watches the manifest and the plugins' files, and reloads when one has changed.
//!
//! The system tells that something happened in a file's folder; what counts is how the files themselves look then. So
//! whatever else is written there, an exporter's file for one, neither causes a reload nor delays one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use spanmill_private::FileStamp;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Controller;

/// Files are often written in more than one step: one that looks the same for so long counts as done. Looks at the files
/// are at least as far apart.
const SETTLED: Duration = Duration::from_millis(100);
/// A file that does not come to rest is read as it is then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Watches the files of a controller.
pub struct Watch {
    controller: Arc<Controller>,
    watcher: notify::RecommendedWatcher,
    /// Something has happened in one of the folders.
    stirred: Arc<Notify>,
    looks: FileStamps,
    folders: BTreeSet<PathBuf>,
}

/// The stamps of the watched files; `None` for a file that does not exist.
type FileStamps = BTreeMap<PathBuf, Option<FileStamp>>;

impl Watch {
    /// Begins to watch; `None` if files cannot be watched here.
    pub async fn start(controller: Arc<Controller>) -> Option<Self> {
        let stirred = Arc::new(Notify::new());
        let stir = Arc::clone(&stirred);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // An error may stand for events that were lost.
            if event.is_err() || event.is_ok_and(|event| !event.kind.is_access()) {
                stir.notify_one();
            }
        });
        match watcher {
            Ok(watcher) => {
                let mut watch = Watch {
                    controller,
                    watcher,
                    stirred,
                    looks: FileStamps::new(),
                    folders: BTreeSet::new(),
                };
                watch.watch().await;
                Some(watch)
            }
            Err(error) => {
                tracing::warn!(%error, "files cannot be watched; send SIGHUP after changing one");
                None
            }
        }
    }

    /// Watches what is to be watched now. Files that were watched before keep the look they had.
    async fn watch(&mut self) {
        let files = self.controller.files().await;
        let (looks, folders) = off_thread(move || (looks(&files), folders(&files))).await;
        let before = std::mem::take(&mut self.looks);
        self.looks = looks;
        for (file, look) in before {
            self.looks.entry(file).and_modify(|now| *now = look);
        }
        for gone in self.folders.difference(&folders) {
            // The folder may be gone as well.
            let _ = self.watcher.unwatch(gone);
        }
        for new in folders.difference(&self.folders) {
            // The folder rather than the file: most editors and builds put another file in its place.
            if let Err(error) = self.watcher.watch(new, RecursiveMode::NonRecursive) {
                tracing::warn!(folder = %new.display(), %error, "a folder cannot be watched; send SIGHUP after a change");
            }
        }
        self.folders = folders;
    }

    /// Reloads at each change, until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        tokio::select! {
            () = self.reload_at_changes() => {}
            () = shutdown.cancelled() => {}
        }
    }

    async fn reload_at_changes(&mut self) {
        loop {
            self.stirred.notified().await;
            let Some(file) = self.settled().await else {
                continue;
            };
            let because = format!("{} has changed", file.display());
            let controller = Arc::clone(&self.controller);
            // A reload that has begun is finished, even during shutdown.
            let reload = tokio::spawn(async move { controller.reload_or_say(&because).await });
            let _ = reload.await;
            self.watch().await;
        }
    }

    /// Waits until the files look the same twice; returns one that has changed since it was last looked at.
    async fn settled(&mut self) -> Option<PathBuf> {
        let began = Instant::now();
        let mut last = self.look().await;
        loop {
            tokio::time::sleep(SETTLED).await;
            let now = self.look().await;
            let changed = now
                .iter()
                .find(|(file, look)| self.looks.get(*file) != Some(look));
            let changed = changed.map(|(file, _)| file.clone());
            if now == last || began.elapsed() > PATIENCE {
                self.looks = now;
                return changed;
            }
            last = now;
        }
    }

    async fn look(&self) -> FileStamps {
        let files: Vec<PathBuf> = self.looks.keys().cloned().collect();
        off_thread(move || looks(&files)).await
    }
}

/// Asks the file system where waiting for it keeps nobody else.
async fn off_thread<T: Default + Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // It fails only if `work` panics, or when the process ends.
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}

fn looks(files: &[PathBuf]) -> FileStamps {
    files
        .iter()
        .map(|file| (file.clone(), FileStamp::of(file)))
        .collect()
}

/// The folders in which something happens when a file changes: where its name is, and where links lead.
fn folders(files: &[PathBuf]) -> BTreeSet<PathBuf> {
    let mut folders = BTreeSet::new();
    for file in files {
        let named = folder(file);
        if let Ok(real) = std::fs::canonicalize(file) {
            let real = folder(&real);
            if std::fs::canonicalize(&named).ok().as_ref() != Some(&real) {
                folders.insert(real);
            }
        }
        folders.insert(named);
    }
    folders
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn folders_behind_links_are_watched_too() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        std::fs::create_dir(path("real")).unwrap();
        std::fs::create_dir(path("named")).unwrap();
        std::fs::write(path("real/file"), "text").unwrap();
        symlink(path("real/file"), path("named/file")).unwrap();
        let found = folders(&[path("named/file"), path("named/missing")]);
        let real = std::fs::canonicalize(path("real")).unwrap();
        assert_eq!(found, BTreeSet::from([path("named"), real]));
    }
}
