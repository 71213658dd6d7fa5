//! A pipeline as its workers run it: chains with `batch` processors between them.

use std::sync::{Arc, Mutex, PoisonError};

use spanmill_otlp::{Request, Spliced};

use super::batcher::Batcher;
use super::chain::Chain;
use super::delivery::{Delivery, Fanout};
use super::gate::MemoryGate;
use crate::config::PipelineId;
use crate::receive::Refusal;
use std::time::Duration;

/// Plugins up to a `batch` processor or the end.
pub(super) struct Segment {
    /// A chain for each worker.
    pub(super) chains: Vec<Mutex<Chain>>,
    /// What collects the chain's output for the next segment; nothing in the last.
    pub(super) batcher: Option<Batcher>,
}

/// A traces pipeline.
pub(super) struct Pipeline {
    pub(super) id: PipelineId,
    pub(super) segments: Vec<Segment>,
    pub(super) fanout: Arc<Fanout>,
    pub(super) gates: Vec<Arc<MemoryGate>>,
}

/// A batch that a batcher gave, on its way through the next segment.
pub(super) struct Batched {
    pub(super) pipeline: usize,
    /// The segment whose batcher it came from.
    pub(super) segment: usize,
    pub(super) batch: Spliced,
    pub(super) received_unix_nano: u64,
    /// Refusals so far.
    pub(super) attempts: u32,
}

/// What became of a batch on a worker.
pub(super) enum Ran {
    /// It reached the end.
    Delivery(Delivery),
    /// A batcher took it, and gave these.
    Batched(Vec<Spliced>),
}

/// How long a sender should wait when a batcher has no room.
const AFTER_FULL: Duration = Duration::from_secs(1);

impl Pipeline {
    /// Runs a batch through one segment.
    pub(super) fn run(
        &self,
        worker: usize,
        segment: usize,
        request: Request,
        received_unix_nano: u64,
    ) -> Result<Ran, Refusal> {
        let missing = || Refusal::Internal(format!("pipeline {}: no such segment", self.id));
        let here = self.segments.get(segment).ok_or_else(missing)?;
        let chain = here.chains.get(worker).ok_or_else(missing)?;
        // A chain loads each batch anew, so one that a panic left behind is as good as any.
        let mut chain = chain.lock().unwrap_or_else(PoisonError::into_inner);
        let output = chain.run(request, received_unix_nano)?;
        drop(chain);
        match &here.batcher {
            None => Ok(Ran::Delivery(Delivery {
                fanout: Arc::clone(&self.fanout),
                spliced: output.spliced,
                measured: output.measured,
            })),
            Some(_) if output.spliced.spans == 0 => Ok(Ran::Batched(Vec::new())),
            Some(batcher) => match batcher.push(output.spliced) {
                Some(ready) => Ok(Ran::Batched(ready)),
                None => Err(Refusal::Overloaded {
                    retry_after: AFTER_FULL,
                }),
            },
        }
    }

    pub(super) fn batcher(&self, segment: usize) -> Option<&Batcher> {
        self.segments.get(segment)?.batcher.as_ref()
    }
}
