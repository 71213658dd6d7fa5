//! Something made of files, made again when they change. New connections use what was made last; a change that makes no
//! sense leaves what there was.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use spanmill_private::FileStamp;
use tokio::time::Instant;

use super::error::TlsError;

/// How often to look at the files, if the settings do not say.
const INTERVAL: Duration = Duration::from_secs(10);
/// The shortest interval: a look costs a call of the system's for each file.
const SHORTEST: Duration = Duration::from_millis(50);
/// A certificate and its key are written one after the other: files that look the same for this long count as done.
const SETTLED: Duration = Duration::from_millis(100);
/// Files that do not come to rest are read as they are then.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is made of the files.
type Make<T> = Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>;
/// The stamps of the files; `None` for one that does not exist.
type Stamps = Vec<Option<FileStamp>>;

/// The files, and what was made of them last.
pub(super) struct Reloaded<T> {
    /// Whose they are, for the log.
    owner: String,
    files: Vec<PathBuf>,
    make: Make<T>,
    current: RwLock<Arc<T>>,
}

impl<T: Send + Sync + 'static> Reloaded<T> {
    /// Makes it of the files as they are now.
    pub fn once(owner: &str, files: Vec<PathBuf>, make: Make<T>) -> Result<Arc<Self>, TlsError> {
        let current = RwLock::new(Arc::new(make()?));
        Ok(Arc::new(Reloaded {
            owner: owner.to_owned(),
            files,
            make,
            current,
        }))
    }

    /// The same, and makes it again whenever they change, as long as somebody holds it. Must be called within a tokio runtime.
    pub fn watched(
        owner: &str,
        files: Vec<PathBuf>,
        interval: Option<Duration>,
        make: Make<T>,
    ) -> Result<Arc<Self>, TlsError> {
        let before = stamps(&files);
        let reloaded = Self::once(owner, files, make)?;
        if !reloaded.files.is_empty() {
            let interval = interval.filter(|interval| !interval.is_zero());
            let interval = interval.unwrap_or(INTERVAL).max(SHORTEST);
            tokio::spawn(watch(Arc::downgrade(&reloaded), before, interval));
        }
        Ok(reloaded)
    }

    /// What was made last.
    pub fn get(&self) -> Arc<T> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    fn reload(&self) {
        match (self.make)() {
            Ok(made) => {
                let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
                *current = Arc::new(made);
                tracing::info!(
                    "{}: tls: files have changed; new connections use them",
                    self.owner
                );
            }
            Err(error) => tracing::warn!(
                "{}: tls: files have changed and cannot be used, so those read before stay in use: {error}",
                self.owner
            ),
        }
    }
}

async fn watch<T: Send + Sync + 'static>(
    reloaded: Weak<Reloaded<T>>,
    mut before: Stamps,
    interval: Duration,
) {
    loop {
        tokio::time::sleep(interval).await;
        let Some(reloaded) = reloaded.upgrade() else {
            return;
        };
        let now = look(&reloaded).await;
        if now != before {
            before = settled(&reloaded, now).await;
            // It fails only if reading panics, or when the process ends.
            let _ = tokio::task::spawn_blocking(move || reloaded.reload()).await;
        }
    }
}

/// Waits until the files look the same twice.
async fn settled<T: Send + Sync + 'static>(
    reloaded: &Arc<Reloaded<T>>,
    mut last: Stamps,
) -> Stamps {
    let began = Instant::now();
    loop {
        tokio::time::sleep(SETTLED).await;
        let now = look(reloaded).await;
        if now == last || began.elapsed() > PATIENCE {
            return now;
        }
        last = now;
    }
}

/// Asks the file system where waiting for it keeps nobody else.
async fn look<T: Send + Sync + 'static>(reloaded: &Arc<Reloaded<T>>) -> Stamps {
    let reloaded = Arc::clone(reloaded);
    let looking = tokio::task::spawn_blocking(move || stamps(&reloaded.files));
    looking.await.unwrap_or_default()
}

fn stamps(files: &[PathBuf]) -> Stamps {
    files.iter().map(|file| FileStamp::of(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_read_again_when_they_change_and_kept_when_they_break() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cert.pem");
        std::fs::write(&file, "one").unwrap();
        let (read, mut reads) = tokio::sync::mpsc::unbounded_channel();
        let path = file.clone();
        let make: Make<String> = Box::new(move || {
            let text = std::fs::read_to_string(&path).unwrap();
            let _ = read.send(text.clone());
            match text.as_str() {
                "broken" => Err(TlsError::new("it is broken")),
                _ => Ok(text),
            }
        });
        let interval = Some(Duration::from_millis(1));
        let reloaded = Reloaded::watched("test", vec![file.clone()], interval, make).unwrap();
        assert_eq!(reads.recv().await.unwrap(), "one");
        assert_eq!(*reloaded.get(), "one");
        std::fs::write(&file, "broken").unwrap();
        assert_eq!(reads.recv().await.unwrap(), "broken");
        assert_eq!(*reloaded.get(), "one");
        std::fs::write(&file, "three").unwrap();
        assert_eq!(reads.recv().await.unwrap(), "three");
        // The watch ends with its last holder, and with it what was made.
        drop(reloaded);
        assert_eq!(reads.recv().await, None);
    }
}
