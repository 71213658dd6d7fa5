//! The file that is written, a record at a time.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::PathBuf;

use super::rotation::{Clock, SystemClock, clean, put_aside};
use crate::export::file::config::{FileConfig, Rotation};

pub(super) struct Writer {
    path: PathBuf,
    file: File,
    /// How long it is.
    length: u64,
    rotation: Option<Rotation>,
    clock: Box<dyn Clock>,
}

impl Writer {
    pub(super) fn open(config: &FileConfig) -> io::Result<Self> {
        Self::with_clock(config, Box::new(SystemClock))
    }

    pub(super) fn with_clock(config: &FileConfig, clock: Box<dyn Clock>) -> io::Result<Self> {
        // With rotation, nothing that was written is lost by a restart.
        let goes_on = config.append || config.rotation.is_some();
        let file = open(&config.path, goes_on)?;
        let writer = Writer {
            length: file.metadata()?.len(),
            path: config.path.clone(),
            file,
            rotation: config.rotation.clone(),
            clock,
        };
        writer.clean();
        Ok(writer)
    }

    /// Writes a record in one go; nothing is held back, so there is nothing to flush at the end. What could be written of
    /// a record that could not be written whole is taken back.
    pub(super) fn write(&mut self, record: &[u8]) -> io::Result<()> {
        let length = u64::try_from(record.len()).unwrap_or(u64::MAX);
        let max = self.rotation.as_ref().map(|rotation| rotation.max_bytes);
        if max.is_some_and(|max| self.length > 0 && self.length.saturating_add(length) > max) {
            self.rotate()?;
        }
        match self.file.write_all(record) {
            Ok(()) => {
                self.length = self.length.saturating_add(length);
                Ok(())
            }
            Err(cause) => {
                // A pipe or a device cannot be cut.
                let _ = self.file.set_len(self.length);
                Err(cause)
            }
        }
    }

    fn rotate(&mut self) -> io::Result<()> {
        let Some(rotation) = &self.rotation else {
            return Ok(());
        };
        match put_aside(&self.path, rotation, &*self.clock) {
            // Somebody else has put it aside.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
        self.file = open(&self.path, true)?;
        self.length = self.file.metadata()?.len();
        self.clean();
        Ok(())
    }

    /// Deletes what was put aside and is not to be kept. What cannot be deleted stays, and is no reason not to write.
    fn clean(&self) {
        if let Some(rotation) = &self.rotation
            && let Err(error) = clean(&self.path, rotation, &*self.clock)
        {
            let path = self.path.display();
            tracing::warn!(%path, "old files beside it cannot be deleted: {error}");
        }
    }
}

/// Always at the end of the file: other programs may cut it meanwhile.
fn open(path: &std::path::Path, goes_on: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let options = options.create(true).append(true);
    let file = options.open(path)?;
    // A pipe or a device cannot be cut, and has nothing to be cut.
    if !goes_on && file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
}
