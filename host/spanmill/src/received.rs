//! What receivers have taken and refused.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use spanmill_manifest::ComponentId;
use spanmill_model::{PerSignal, Signal};

use crate::refusal::Refusal;

/// How a request came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// gRPC.
    Grpc,
    /// HTTP.
    Http,
    /// From within: connectors' totals.
    #[default]
    Internal,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Transport::Grpc => "grpc",
            Transport::Http => "http",
            Transport::Internal => "internal",
        })
    }
}

/// Items of one signal that came to a receiver one way, since the start.
#[derive(Debug, Default)]
pub struct ItemCounts {
    accepted: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
}

impl ItemCounts {
    /// Items that a pipeline took.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    /// Items that no pipeline could take: the sender was told to come again, or not to.
    pub fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    /// Items that could not be processed because of a defect of the host's.
    pub fn failed(&self) -> u64 {
        self.failed.load(Relaxed)
    }
}

/// What one receiver counts.
#[derive(Debug, Default)]
pub struct ReceiverCounts {
    grpc: PerSignal<ItemCounts>,
    http: PerSignal<ItemCounts>,
    /// Requests that were refused before they were read, so that nobody knows what was in them.
    unread: PerSignal<AtomicU64>,
}

impl ReceiverCounts {
    fn of(&self, transport: Transport) -> Option<&PerSignal<ItemCounts>> {
        match transport {
            Transport::Grpc => Some(&self.grpc),
            Transport::Http => Some(&self.http),
            Transport::Internal => None,
        }
    }

    /// Counts a request with so many items. Nothing is counted of what is not OTLP.
    pub fn count(
        &self,
        transport: Transport,
        signal: Signal,
        items: u64,
        result: Result<(), &Refusal>,
    ) {
        let Some(counts) = self.of(transport) else {
            return;
        };
        let counts = counts.get(signal);
        let count = match result {
            Ok(()) => &counts.accepted,
            Err(Refusal::Internal(_)) => &counts.failed,
            Err(_) => &counts.refused,
        };
        count.fetch_add(items, Relaxed);
    }

    /// Counts a request that was refused before it was read.
    pub fn count_unread(&self, signal: Signal) {
        self.unread.get(signal).fetch_add(1, Relaxed);
    }

    /// Requests of a signal that were refused before they were read.
    pub fn unread(&self, signal: Signal) -> u64 {
        self.unread.get(signal).load(Relaxed)
    }

    /// Calls `each` with every way that something has come, and its counts.
    pub fn each(&self, mut each: impl FnMut(Transport, Signal, &ItemCounts)) {
        for transport in [Transport::Grpc, Transport::Http] {
            for (signal, counts) in self.of(transport).into_iter().flat_map(PerSignal::iter) {
                if counts.accepted() + counts.refused() + counts.failed() > 0 {
                    each(transport, signal, counts);
                }
            }
        }
    }
}

/// What all receivers have counted since the start, those that are gone included.
#[derive(Debug, Default)]
pub struct ReceivedItems(Mutex<BTreeMap<ComponentId, Arc<ReceiverCounts>>>);

impl ReceivedItems {
    /// The counts of one receiver.
    pub fn of(&self, receiver: &ComponentId) -> Arc<ReceiverCounts> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(receiver.clone()).or_default())
    }

    /// Each receiver with its counts.
    pub fn all(&self) -> Vec<(ComponentId, Arc<ReceiverCounts>)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter()
            .map(|(id, counts)| (id.clone(), Arc::clone(counts)))
            .collect()
    }
}
