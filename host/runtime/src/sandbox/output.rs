//! A guest's stdout and stderr: each line becomes a log line.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

use super::lines::{LINE_BYTES, Level, Lines};

/// Bytes that are taken at once.
const MAX_WRITE: usize = 64 * 1024;

/// A stream of lines.
#[derive(Clone)]
pub(super) struct Output {
    lines: Arc<Lines>,
    level: Level,
    /// The line that has not ended yet.
    begun: Arc<Mutex<Vec<u8>>>,
}

impl Output {
    pub(super) fn new(lines: &Arc<Lines>, level: Level) -> Self {
        Output {
            lines: lines.clone(),
            level,
            begun: Arc::default(),
        }
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for this one, and it is not linked.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        if bytes.len() > MAX_WRITE {
            return Err(StreamError::trap(
                "it wrote more at once than the stream had offered to take",
            ));
        }
        let Ok(mut begun) = self.begun.lock() else {
            return Ok(());
        };
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ended) = match part.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (part, false),
            };
            let room = LINE_BYTES.saturating_sub(begun.len());
            begun.extend_from_slice(text.get(..room.min(text.len())).unwrap_or(&[]));
            if ended {
                if self.lines.has_room() {
                    self.lines
                        .write(self.level, &String::from_utf8_lossy(&begun));
                }
                begun.clear();
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(MAX_WRITE)
    }
}

#[async_trait::async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}
