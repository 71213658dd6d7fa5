//! A guest's words in the host's log, short and few.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Lines of one instance that are kept in one second.
const LINES_A_SECOND: u32 = 10;
/// Once lines of one instance had more bytes than this in one second, there is no room for more: to look at one costs time,
/// however little of it is kept.
const BYTES_A_SECOND: usize = 256 * 1024;
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
    /// Bytes that were looked at.
    bytes: usize,
    left_out: u32,
    /// Lines left out since this was last asked.
    dropped: u64,
}

impl Window {
    /// Leaves a line out if there was too much in this second.
    fn has_room(&mut self, component: &str) -> bool {
        if self.began.elapsed() >= Duration::from_secs(1) {
            if self.left_out > 0 {
                let lines = self.left_out;
                tracing::warn!(plugin = component, lines, "log lines left out");
            }
            self.began = Instant::now();
            self.kept = 0;
            self.bytes = 0;
            self.left_out = 0;
        }
        let has_room = self.kept < LINES_A_SECOND && self.bytes <= BYTES_A_SECOND;
        if !has_room {
            self.left_out = self.left_out.saturating_add(1);
            self.dropped = self.dropped.saturating_add(1);
        }
        has_room
    }
}

impl Lines {
    pub(super) fn new(component: &str) -> Self {
        let window = Window {
            began: Instant::now(),
            kept: 0,
            bytes: 0,
            left_out: 0,
            dropped: 0,
        };
        Lines {
            component: component.to_owned(),
            window: Mutex::new(window),
        }
    }

    /// Whether a line would be kept; counts it as left out otherwise. Asked before the line is looked at.
    pub(super) fn has_room(&self) -> bool {
        let Ok(mut window) = self.window.lock() else {
            return false;
        };
        window.has_room(&self.component)
    }

    /// Lines left out since this was last asked.
    pub(super) fn take_dropped(&self) -> u64 {
        let window = self.window.lock();
        window.map_or(0, |mut window| std::mem::take(&mut window.dropped))
    }

    /// Logs a line for which there is room.
    pub(super) fn write(&self, level: Level, message: &str) {
        let Ok(mut window) = self.window.lock() else {
            return;
        };
        window.kept = window.kept.saturating_add(1);
        window.bytes = window.bytes.saturating_add(message.len());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_for_so_many_lines_and_so_many_bytes() {
        let lines = Lines::new("mine");
        for _ in 0..LINES_A_SECOND {
            assert!(lines.has_room());
            lines.write(Level::Info, "short");
        }
        assert!(!lines.has_room() && !lines.has_room());
        assert_eq!((lines.take_dropped(), lines.take_dropped()), (2, 0));
        let lines = Lines::new("other");
        assert!(lines.has_room());
        lines.write(Level::Info, &"x".repeat(BYTES_A_SECOND + 1));
        assert!(!lines.has_room());
        assert_eq!(lines.take_dropped(), 1);
    }
}
