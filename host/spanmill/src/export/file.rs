//! OTLP in a file, as the Collector's file exporter writes it: JSON, a request a line; or each request behind its length in four
//! bytes, the highest first, where it is protobuf or compressed.

pub(crate) mod config;
mod rotation;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use super::build::StartContext;
use super::component::{ExporterComponent, ExporterConfig, Starting};
use super::{Attempt, BuildError, Export, ExportError, ExportResponse, Payload, otlp_text};
use crate::component::{ALL_SIGNALS, Component};
use crate::export::file::config::{FileConfig, FileFormat};
use spanmill_manifest::ComponentId;
use writer::Writer;

pub(crate) static COMPONENT: ExporterComponent = Component {
    name: "file",
    aliases: &[],
    signals: ALL_SIGNALS,
    read: |section, out| Arc::new(config::read(section, out)),
};

impl ExporterConfig for FileConfig {
    fn start<'a>(&'a self, id: &'a ComponentId, context: StartContext<'a>) -> Starting<'a> {
        Box::pin(async move {
            let export = File::new(id, self)?;
            Ok(context.local(id, export, &self.path.display().to_string()))
        })
    }
}

pub(super) struct File {
    writer: Arc<Mutex<Writer>>,
    format: FileFormat,
    compression: Option<i32>,
}

impl File {
    pub fn new(id: &ComponentId, config: &FileConfig) -> Result<Self, BuildError> {
        let cannot = |path: &Path, cause: io::Error| BuildError::File {
            exporter: id.clone(),
            path: path.to_owned(),
            cause,
        };
        let folder = config.path.parent();
        if let (Some(mode), Some(folder)) = (config.create_directory, folder)
            && !folder.as_os_str().is_empty()
        {
            let mut builder = DirBuilder::new();
            let made = builder.recursive(true).mode(mode).create(folder);
            made.map_err(|cause| cannot(folder, cause))?;
        }
        let writer = Writer::open(config).map_err(|cause| cannot(&config.path, cause))?;
        Ok(Self {
            writer: Arc::new(Mutex::new(writer)),
            format: config.format,
            compression: config.compression,
        })
    }
}

impl Export for File {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        let writer = Arc::clone(&self.writer);
        let payload = payload.clone();
        let (format, compression) = (self.format, self.compression);
        Box::pin(async move {
            tokio::task::spawn_blocking(move || {
                let record = record(&payload, format, compression)?;
                let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
                writer
                    .write(&record)
                    .map(|()| ExportResponse::default())
                    .map_err(|cause| ExportError::retryable(format!("cannot write: {cause}")))
            })
            .await
            .unwrap_or_else(|_| Err(ExportError::retryable("writing did not finish")))
        })
    }
}

/// A request as it stands in the file.
fn record(
    payload: &Payload,
    format: FileFormat,
    compression: Option<i32>,
) -> Result<Vec<u8>, ExportError> {
    let json = match format {
        FileFormat::Json => Some(otlp_text::to_json(payload)?),
        FileFormat::Proto => None,
    };
    let encoded = json.as_deref().unwrap_or(&payload.bytes);
    match (compression, json.is_some()) {
        (Some(level), _) => {
            let compressed = zstd::encode_all(encoded, level)
                .map_err(|_| ExportError::permanent("the batch cannot be compressed"))?;
            behind_length(&compressed)
        }
        (None, false) => behind_length(encoded),
        (None, true) => {
            let mut line = json.unwrap_or_default();
            line.push(b'\n');
            Ok(line)
        }
    }
}

fn behind_length(encoded: &[u8]) -> Result<Vec<u8>, ExportError> {
    let length = u32::try_from(encoded.len())
        .map_err(|_| ExportError::permanent("the batch has more than 4 GiB"))?;
    let mut record = length.to_be_bytes().to_vec();
    record.extend_from_slice(encoded);
    Ok(record)
}
