//! A guest's words in the host's log, short and few.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Lines of one instance that are kept in one second.
const LINES_A_SECOND: u32 = 10;
/// Bytes of a line that are kept.
pub(super) const LINE_BYTES: usize = 2048;

#[derive(Clone, Copy)]
pub(crate) enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// Where an instance's lines go.
pub(crate) struct Lines {
    component: String,
    window: Mutex<Window>,
}

struct Window {
    began: Instant,
    kept: u32,
    left_out: u32,
}

impl Lines {
    pub(super) fn new(component: &str) -> Self {
        let window = Window {
            began: Instant::now(),
            kept: 0,
            left_out: 0,
        };
        Lines {
            component: component.to_owned(),
            window: Mutex::new(window),
        }
    }

    /// Logs a line, unless the guest has said too much in this second.
    pub(super) fn write(&self, level: Level, message: &str) {
        let Ok(mut window) = self.window.lock() else {
            return;
        };
        if window.began.elapsed() >= Duration::from_secs(1) {
            if window.left_out > 0 {
                tracing::warn!(
                    plugin = self.component,
                    lines = window.left_out,
                    "log lines left out"
                );
            }
            *window = Window {
                began: Instant::now(),
                kept: 0,
                left_out: 0,
            };
        }
        if window.kept >= LINES_A_SECOND {
            window.left_out += 1;
            return;
        }
        window.kept += 1;
        drop(window);
        let plugin = self.component.as_str();
        let end = (0..=LINE_BYTES.min(message.len()))
            .rev()
            .find(|&end| message.is_char_boundary(end));
        // Control characters could forge lines, or move a terminal's cursor.
        let message: String = message
            .get(..end.unwrap_or(0))
            .unwrap_or("")
            .chars()
            .map(|char| if char.is_control() { ' ' } else { char })
            .collect();
        match level {
            Level::Debug => tracing::debug!(plugin, "{message}"),
            Level::Info => tracing::info!(plugin, "{message}"),
            Level::Warn => tracing::warn!(plugin, "{message}"),
            Level::Error => tracing::error!(plugin, "{message}"),
        }
    }
}
