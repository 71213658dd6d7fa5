//! OTLP's JSON in a file, a request a line, as the Collector's file exporter writes it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Accepted, Attempt, BuildError, Export, ExportError, Payload, otlp_text};
use crate::config::{ComponentId, FileExporter};

pub(super) struct File {
    file: Arc<Mutex<std::fs::File>>,
}

impl File {
    pub fn new(id: &ComponentId, config: &FileExporter) -> Result<Self, BuildError> {
        let file = OpenOptions::new()
            .create(true)
            .write(true)
            .append(config.append)
            .truncate(!config.append)
            .open(&config.path)
            .map_err(|cause| BuildError::File {
                exporter: id.clone(),
                path: config.path.clone(),
                cause,
            })?;
        Ok(Self {
            file: Arc::new(Mutex::new(file)),
        })
    }
}

impl Export for File {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        let file = Arc::clone(&self.file);
        let payload = payload.clone();
        Box::pin(async move {
            tokio::task::spawn_blocking(move || {
                let mut line = otlp_text::to_json(&payload)?;
                line.push(b'\n');
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                // One write a batch, and nothing held back: there is nothing to flush at the end.
                file.write_all(&line)
                    .map(|()| Accepted::default())
                    .map_err(|cause| ExportError::retryable(format!("cannot write: {cause}")))
            })
            .await
            .unwrap_or_else(|_| Err(ExportError::retryable("writing did not finish")))
        })
    }
}
