//! A batch in a queue, its room, and who waits for it.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::export::outcome::Payload;
use crate::export::sender::SendError;
use crate::memory::Reservation;

/// Room for one batch in a queue, until the batch is done: batches in flight count, as in the Collector.
pub(in crate::export) struct QueueSlot {
    _room: OwnedSemaphorePermit,
    _memory: Reservation,
}

impl QueueSlot {
    /// Takes its permits and its memory.
    pub fn new(room: OwnedSemaphorePermit, memory: Reservation) -> Self {
        QueueSlot {
            _room: room,
            _memory: memory,
        }
    }
}

/// Where the result of a batch goes that somebody waits for.
pub(in crate::export) type ResultSender = oneshot::Sender<Result<(), SendError>>;

/// A batch in a queue.
pub(in crate::export) struct Job {
    pub payload: Payload,
    pub place: QueueSlot,
    /// Set if the sender waits for the result, and so still has the batch.
    pub done: Option<ResultSender>,
}
