//! The requests that batches are made of, and how each of them went.

use std::sync::{Arc, Mutex, PoisonError};

use crate::export::Payload;
use crate::export::queue::job::{Job, QueueSlot, ResultSender};
use crate::export::sender::{SendError, Sender};
use crate::losses::Reason;

/// A batch on its way.
pub struct MergedBatch {
    pub payload: Payload,
    /// Of whom it is, in the order of the items.
    pub shares: Vec<Share>,
}

/// Items of one request.
pub struct Share {
    pub(super) source: Arc<Source>,
    pub(super) items: u64,
}

/// A request whose items may be in several batches.
pub struct Source {
    _place: QueueSlot,
    /// Set if its sender waits for the result, and so still has it.
    waiter: Option<ResultSender>,
    failed: Mutex<Option<RequestFailure>>,
}

/// What went wrong with a request.
struct RequestFailure {
    error: SendError,
    items: u64,
}

impl MergedBatch {
    /// A batch of one request.
    pub(super) fn of(job: Job) -> Self {
        let source = Arc::new(Source {
            _place: job.place,
            waiter: job.done,
            failed: Mutex::default(),
        });
        let share = Share {
            source,
            items: job.payload.items,
        };
        MergedBatch {
            payload: job.payload,
            shares: vec![share],
        }
    }

    /// Sends it, and tells those whose requests are done with.
    pub async fn send(self, sender: &Sender) {
        let result = sender.send(&self.payload).await;
        sender.waiting.remove(&self.payload);
        let is_awaited = |share: &Share| share.source.waiter.is_some();
        if let Err(error) = &result
            && !self.shares.iter().any(is_awaited)
        {
            sender.drop_batch(&self.payload, error);
        }
        for Share { source, items } in self.shares {
            if let Err(error) = &result {
                source.fail(error, items);
            }
            if let Some(source) = Arc::into_inner(source) {
                source.settle(sender, &self.payload);
            }
        }
    }
}

impl Source {
    fn fail(&self, error: &SendError, items: u64) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *failed {
            Some(failed) => failed.items = failed.items.saturating_add(items),
            None => {
                *failed = Some(RequestFailure {
                    error: error.clone(),
                    items,
                });
            }
        }
    }

    /// Tells its sender how it went, if that waits. One that went away meanwhile has it no more.
    fn settle(self, sender: &Sender, batch: &Payload) {
        let failed = self.failed.into_inner();
        let failed = failed.unwrap_or_else(PoisonError::into_inner);
        let Some(waiter) = self.waiter else { return };
        let Some(RequestFailure { error, items }) = failed else {
            // It succeeded; the sender may no longer be waiting.
            let _ = waiter.send(Ok(()));
            return;
        };
        if waiter.send(Err(error)).is_err() {
            sender.lose(batch, Reason::ShutDown, items);
        }
    }
}
