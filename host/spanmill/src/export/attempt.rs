//! One attempt to export a batch: what every exporter implements.

use std::future::Future;
use std::pin::Pin;

use tokio::time::Instant;

use super::outcome::{ExportError, ExportResponse, Payload};
use super::progress::Progress;

/// The result of one attempt.
pub type Attempt<'a> =
    Pin<Box<dyn Future<Output = Result<ExportResponse, ExportError>> + Send + 'a>>;

/// Makes one attempt to export a batch.
pub trait Export: Send + Sync + 'static {
    /// One attempt; may be dropped before it is done, when its time is over.
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a>;

    /// One of several attempts for a batch; `progress` is what the ones before have come to. Most have nothing to go on from.
    fn go_on<'a>(&'a self, payload: &'a Payload, progress: &'a mut Progress) -> Attempt<'a> {
        let _ = progress;
        self.export(payload)
    }

    /// The exporter ends: no new batches come, and what it has is to be sent soon.
    fn end(&self) {}

    /// Ends what goes on beside attempts, once the last of them is over, until `deadline`; returns how many items were left
    /// then.
    fn close(&self, deadline: Instant) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        let _ = deadline;
        Box::pin(async { 0 })
    }
}
