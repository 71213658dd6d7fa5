//! Watches the manifest and the plugins' files, and reloads when one has changed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Controller;

/// Files are often written in more than one step: this long after the last one they count as done.
const SETTLED: Duration = Duration::from_millis(100);

/// Watches the files of a controller.
pub struct Watch {
    controller: Arc<Controller>,
    watcher: notify::RecommendedWatcher,
    changes: mpsc::Receiver<PathBuf>,
    files: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

impl Watch {
    /// Begins to watch; nothing if files cannot be watched here.
    pub async fn start(controller: Arc<Controller>) -> Option<Self> {
        // What finds no room adds nothing: whoever hears of a change looks at everything.
        let (changed, changes) = mpsc::channel::<PathBuf>(64);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            if event.kind.is_access() {
                return;
            }
            for path in event.paths {
                let _ = changed.try_send(path);
            }
        });
        match watcher {
            Ok(watcher) => {
                let mut watch = Watch {
                    controller,
                    watcher,
                    changes,
                    files: Vec::new(),
                    folders: BTreeSet::new(),
                };
                watch.look().await;
                Some(watch)
            }
            Err(error) => {
                tracing::warn!(%error, "files cannot be watched; send SIGHUP after changing one");
                None
            }
        }
    }

    /// Watches what is to be watched now.
    async fn look(&mut self) {
        self.files = self.controller.files().await;
        let folders: BTreeSet<PathBuf> = self.files.iter().map(|file| folder(file)).collect();
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
        loop {
            let path = tokio::select! {
                path = self.changes.recv() => path,
                () = shutdown.cancelled() => return,
            };
            let Some(path) = path else { return };
            let mut concerned = concerns(&path, &self.files);
            while let Ok(Some(path)) = tokio::time::timeout(SETTLED, self.changes.recv()).await {
                concerned = concerned.or_else(|| concerns(&path, &self.files));
                if shutdown.is_cancelled() {
                    return;
                }
            }
            if let Some(file) = concerned {
                let because = format!("{} has changed", file.display());
                self.controller.reload_or_say(&because).await;
                self.look().await;
            }
        }
    }
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The watched file that an event is about, if it is about one.
fn concerns(path: &Path, files: &[PathBuf]) -> Option<PathBuf> {
    let name = path.file_name()?;
    let same = |file: &&PathBuf| {
        file.file_name() == Some(name)
            && (file.as_path() == path
                || std::fs::canonicalize(folder(file)).ok()
                    == path
                        .parent()
                        .and_then(|folder| std::fs::canonicalize(folder).ok()))
    };
    // Kubernetes puts a whole folder in place by exchanging the link `..data`.
    let exchanged = || (name == "..data").then(|| files.first().cloned()).flatten();
    files.iter().find(same).cloned().or_else(exchanged)
}
