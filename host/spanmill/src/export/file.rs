//! OTLP in a file, as the Collector's file exporter writes it: JSON, a request a line; or protobuf, each request behind its
//! length in four bytes, the highest first.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Accepted, Attempt, BuildError, Export, ExportError, Payload, otlp_text};
use crate::config::{ComponentId, FileExporter, FileFormat};

pub(super) struct File {
    file: Arc<Mutex<std::fs::File>>,
    format: FileFormat,
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
            format: config.format,
        })
    }
}

impl Export for File {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        let file = Arc::clone(&self.file);
        let payload = payload.clone();
        let format = self.format;
        Box::pin(async move {
            tokio::task::spawn_blocking(move || {
                let record = match format {
                    FileFormat::Json => line(&payload)?,
                    FileFormat::Proto => message(&payload)?,
                };
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                // One write a batch, and nothing held back: there is nothing to flush at the end.
                file.write_all(&record)
                    .map(|()| Accepted::default())
                    .map_err(|cause| ExportError::retryable(format!("cannot write: {cause}")))
            })
            .await
            .unwrap_or_else(|_| Err(ExportError::retryable("writing did not finish")))
        })
    }
}

fn line(payload: &Payload) -> Result<Vec<u8>, ExportError> {
    let mut line = otlp_text::to_json(payload)?;
    line.push(b'\n');
    Ok(line)
}

fn message(payload: &Payload) -> Result<Vec<u8>, ExportError> {
    let length = u32::try_from(payload.bytes.len())
        .map_err(|_| ExportError::permanent("the batch has more than 4 GiB"))?;
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(&payload.bytes);
    Ok(message)
}
