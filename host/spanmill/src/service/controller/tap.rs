//! Telemetry shown to operators as it passes: a sample of it, through a condition if they gave one.

mod filter;
mod lines;
mod places;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use spanmill_admin::{ControlError, TapLines, TapRequest};
use tokio::sync::mpsc;
use tokio::task::block_in_place;
use tokio_util::sync::CancellationToken;

use super::Controller;
use crate::pipeline::{WatchedBatch, Watching};
use filter::Filters;
use places::places;

/// At most so many look at a time.
const MOST: usize = 4;
/// Items a second, unless asked otherwise, and at most.
const RATE: u32 = 10;
const HIGHEST_RATE: u32 = 1000;
/// Lines that wait for a slow reader.
const WAITING: usize = 64;

impl Controller {
    /// Shows what passes.
    pub(super) async fn tap(
        self: &Arc<Self>,
        request: TapRequest,
    ) -> Result<TapLines, ControlError> {
        let (places, watchers) = {
            let guard = self.running.lock().await;
            let running = guard.as_ref().ok_or(ControlError::ShuttingDown)?;
            let places = places(running.manifest(), &request, self.tap)?;
            (places, running.topology().pipelines().watchers())
        };
        let signals = places.iter().map(|(pipeline, _)| pipeline.signal);
        let filters = block_in_place(|| {
            let plugin = || super::lock(&self.loader).built_in("filter");
            Filters::new(request.filter.as_deref(), signals, plugin)
        })?;
        let watching = watchers.watch(places, MOST).ok_or_else(|| {
            ControlError::Conflict(format!(
                "{MOST} others look at telemetry already; try again when one has ended"
            ))
        })?;
        let (sender, lines) = mpsc::channel(WAITING);
        let tap = Tap {
            watching,
            filters,
            left: request.limit.unwrap_or(u64::MAX),
            rate: request.rate.unwrap_or(RATE).clamp(1, HIGHEST_RATE),
            second: Instant::now(),
            shown: 0,
        };
        tokio::spawn(tap.run(sender, self.shutdown.clone()));
        Ok(lines)
    }
}

/// Somebody who looks.
struct Tap {
    watching: Watching,
    filters: Filters,
    /// Items that are still to be shown.
    left: u64,
    rate: u32,
    /// Since when `shown` items were shown.
    second: Instant,
    shown: u32,
}

impl Tap {
    async fn run(mut self, lines: mpsc::Sender<Bytes>, shutdown: CancellationToken) {
        loop {
            let batch = tokio::select! {
                batch = self.watching.next() => batch,
                () = lines.closed() => return,
                () = shutdown.cancelled() => return,
            };
            let Some(batch) = batch else { return };
            if self.second.elapsed() >= Duration::from_secs(1) {
                self.second = Instant::now();
                self.shown = 0;
            }
            let most = u64::from(self.rate.saturating_sub(self.shown)).min(self.left);
            if most == 0 {
                continue;
            }
            // A tenth of a second's worth, so that a second is of several batches.
            let most = most.min(u64::from(self.rate / 10).max(1));
            for line in block_in_place(|| self.lines(&batch, most)) {
                self.shown = self.shown.saturating_add(1);
                self.left = self.left.saturating_sub(1);
                if lines.send(line).await.is_err() {
                    return;
                }
            }
            if self.left == 0 {
                return;
            }
        }
    }

    /// At most so many items of a batch, each as a line.
    fn lines(&mut self, batch: &WatchedBatch, most: u64) -> Vec<Bytes> {
        let signal = batch.pipeline.signal;
        let Some(left) = self.filters.pass(signal, batch.bytes.clone()) else {
            return Vec::new();
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        lines::of(&batch.pipeline.to_string(), signal, left, most)
    }
}
