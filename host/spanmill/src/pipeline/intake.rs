//! The way in for receivers: admission, a worker's turn, and the answer once the batch is in other hands.

use std::fmt::Display;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use spanmill_otlp::ItemLimits;
use tokio::sync::oneshot;

use super::coalescing::Coalescing;
use super::pace::Pace;
use super::scheduler::Owner;
use super::segments::PipelineUse;
use super::shared::Shared;
use super::work::{PendingRequest, RequestWork, Work};
use crate::clock::now_unix_nano;
use crate::config::{ComponentId, PerSignal, Signal};
use crate::episode::Log;
use crate::memory::Reservation;
use crate::receive::{Accepting, Received, RequestIntake};
use crate::received::ReceiverCounts;
use crate::refusal::Refusal;

/// Requests of at most so many bytes may be run by the thread that has received them.
const SMALL: usize = 16 * 1024;

/// How long a sender should wait when the process is overloaded.
const AFTER_OVERLOAD: Duration = Duration::from_secs(1);

/// The pipelines that a receiver or a connector feeds, by signal; others may be put in their place at any time.
#[derive(Default)]
pub struct Feed(PerSignal<RwLock<Arc<[PipelineUse]>>>);

impl Feed {
    fn pipelines(&self, signal: Signal) -> Arc<[PipelineUse]> {
        let pipelines = self.0.get(signal).read();
        Arc::clone(&pipelines.unwrap_or_else(PoisonError::into_inner))
    }

    /// Feeds these, from the next request on.
    pub(super) fn set(&self, signal: Signal, pipelines: Arc<[PipelineUse]>) {
        let now = self.0.get(signal).write();
        *now.unwrap_or_else(PoisonError::into_inner) = pipelines;
    }
}

/// Where a receiver's requests go, or a connector's.
pub struct Intake {
    /// The component.
    receiver: ComponentId,
    shared: Arc<Shared>,
    feed: Arc<Feed>,
    /// What a request may hold.
    items: ItemLimits,
    counts: Arc<ReceiverCounts>,
    /// Whether requests may share batches; not those of connectors.
    coalescing: Option<Arc<Coalescing>>,
    pace: Pace,
}

impl Intake {
    pub(super) fn new(
        receiver: ComponentId,
        shared: Arc<Shared>,
        feed: Arc<Feed>,
        items: ItemLimits,
    ) -> Self {
        let counts = shared.received.of(&receiver);
        Intake {
            counts,
            coalescing: None,
            pace: Pace::default(),
            receiver,
            shared,
            feed,
            items,
        }
    }

    /// Lets requests that wait share batches.
    pub(super) fn coalescing(mut self) -> Self {
        self.coalescing = Some(Arc::default());
        self
    }
}

impl RequestIntake for Intake {
    fn takes(&self, signal: Signal) -> bool {
        !self.feed.pipelines(signal).is_empty()
    }

    fn admit(&self, signal: Signal) -> Result<Reservation, Refusal> {
        let pipelines = self.feed.pipelines(signal);
        let gates = pipelines.iter().map(|pipeline| pipeline.gates());
        for gates in gates {
            if let Some(gate) = gates.iter().find(|gate| !gate.is_open()) {
                gate.refused();
                self.counts.count_unread(signal);
                return Err(Refusal::Unavailable {
                    retry_after: AFTER_OVERLOAD,
                });
            }
        }
        Ok(self.shared.in_flight.nothing())
    }

    fn no_room(&self) -> Refusal {
        self.shared.no_room(&self.receiver)
    }

    fn accept(&self, request: Received) -> Accepting<'_> {
        Box::pin(async move {
            let ended = || Refusal::Unavailable {
                retry_after: AFTER_OVERLOAD,
            };
            let pipelines = self.feed.pipelines(request.signal);
            let coalesces = pipelines.iter().all(|pipeline| pipeline.coalesces());
            let owner = Owner::receiver(&self.receiver, request.bytes.len());
            let trace = self.shared.tracer.begin(request.caller);
            let pending = PendingRequest {
                items: self.items,
                request,
                pipelines,
                received_unix_nano: now_unix_nano(),
                counts: Arc::clone(&self.counts),
                traced: trace.is_on().then(|| self.receiver.clone()),
                coalescing: self
                    .coalescing
                    .clone()
                    .filter(|_| coalesces && !trace.is_on()),
                trace,
            };
            let (reply, answer) = oneshot::channel();
            let mut work = RequestWork { pending, reply };
            let is_small = work.pending.request.bytes.len() <= SMALL;
            let has_time = self.pace.note(Instant::now());
            if is_small && has_time {
                work = match self.shared.run_here(&owner, work) {
                    None => return answered(answer).await,
                    Some(work) => work,
                };
            }
            // From then on it is done, also if the sender hangs up.
            let added = self.shared.scheduler.add(owner, Work::Request(work));
            if let Err(Work::Request(late)) = added.await {
                late.answer(0, Err(ended()));
            }
            answered(answer).await
        })
    }
}

/// What a request came to.
async fn answered(answer: oneshot::Receiver<Result<(), Refusal>>) -> Result<(), Refusal> {
    let failed = || Refusal::Internal("the batch could not be processed".to_owned());
    answer.await.unwrap_or_else(|_| Err(failed()))
}

impl Shared {
    /// Refuses a request of a receiver's because there is no memory for it now.
    pub(super) fn no_room(&self, receiver: impl Display) -> Refusal {
        let limit_mib = self.in_flight.total() >> 20;
        match self.crowded.meet(0) {
            Log::Begin => tracing::warn!(%receiver, limit_mib,
                "requests under way hold all the memory they may: further ones are refused, senders are asked to wait (limits.in_flight_mib)"),
            Log::StillOn(tally) => tracing::warn!(%receiver, limit_mib, refused = tally.times,
                "requests under way have held all the memory they may for {:.0?}; {} were refused", tally.lasted, tally.times),
            Log::Nothing => {}
        }
        Refusal::Overloaded {
            retry_after: AFTER_OVERLOAD,
        }
    }

    /// Notes that there may be room for requests again.
    pub(super) fn has_room(&self) {
        if !self.crowded.is_on() || self.in_flight.reserved() > self.in_flight.total() / 4 * 3 {
            return;
        }
        if let Some(tally) = self.crowded.end() {
            tracing::info!(
                refused = tally.times,
                "there is room for requests again, after {:.1?}; {} were refused meanwhile",
                tally.lasted,
                tally.times
            );
        }
    }
}
