//! Sends one batch to the backend: attempts, pauses, counters and log lines.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::counters::Tally;
use super::lag::DeliveryLag;
use super::retry::Backoff;
use super::waiting::PendingItems;
use super::{Export, ExportError, ExportResponse, Payload, Progress};
use crate::clock::now_unix_nano;
use crate::episode::{Episode, Log};
use crate::export::settings::Retry;
use crate::losses::{Holds, Losses, Reason};
use crate::tracer::OwnSpanKind;
use spanmill_manifest::ComponentId;
use spanmill_model::PerSignal;

/// The longest pause between two attempts while draining.
const DRAINING_PAUSE: Duration = Duration::from_secs(1);

/// What makes the attempts of one exporter.
pub(super) struct Sender {
    pub(super) id: ComponentId,
    pub(super) export: Box<dyn Export>,
    /// Where it sends to, for messages; empty for those that send nowhere.
    pub(super) endpoint: String,
    retry: Retry,
    timeout: Duration,
    pub(super) tally: Tally,
    pub(super) losses: Losses,
    /// Items in the queue or on their way from it.
    pub(super) waiting: PendingItems,
    /// How long batches took.
    pub(super) lag: DeliveryLag,
    /// While the backend does not take what it is sent.
    outage: Episode,
    /// While batches are dropped.
    dropping: Episode,
    /// Once draining: when to stop trying.
    pub(super) deadline: watch::Sender<Option<Instant>>,
    /// Past the deadline: drop everything.
    pub(super) abort: CancellationToken,
}

impl Holds for Sender {
    fn component(&self) -> String {
        format!("exporter {}", self.id)
    }

    fn held(&self) -> PerSignal<u64> {
        self.waiting.by_signal()
    }
}

/// Why a batch was not exported.
#[derive(Clone, Debug)]
pub(super) enum SendError {
    /// The last attempt failed.
    Failed(ExportError),
    /// The exporter had to end first.
    ShutDown,
}

impl SendError {
    /// Why the items are lost, if nobody has them any more.
    pub(super) fn reason(&self) -> Reason {
        match self {
            SendError::Failed(ExportError::Permanent(_)) => Reason::Refused,
            SendError::Failed(ExportError::Retryable { .. }) => Reason::RetriesOver,
            SendError::ShutDown => Reason::ShutDown,
        }
    }
}

impl Sender {
    pub(super) fn new(
        id: ComponentId,
        export: Box<dyn Export>,
        retry: Retry,
        timeout: Duration,
        endpoint: String,
        tally: Tally,
        losses: Losses,
    ) -> Self {
        Sender {
            id,
            export,
            endpoint,
            retry,
            timeout,
            tally,
            losses,
            waiting: PendingItems::default(),
            lag: DeliveryLag::default(),
            outage: Episode::default(),
            dropping: Episode::default(),
            deadline: watch::Sender::new(None),
            abort: CancellationToken::new(),
        }
    }

    /// For how long the backend has not taken what it was sent; `None` if it took the last attempt.
    pub(super) fn failing_for(&self) -> Option<Duration> {
        self.outage.lasted()
    }

    /// Whether the backend did not take the last attempt.
    pub(super) fn is_failing(&self) -> bool {
        self.outage.is_on()
    }

    /// Exports a batch with all its attempts.
    pub(super) async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        if !payload.trace.is_on() {
            return self.send_untraced(payload).await;
        }
        let began = now_unix_nano();
        let sent = self.send_untraced(payload).await;
        let name = format_args!("exporter/{}/{}", self.id, payload.signal);
        let error = sent.as_ref().err().map(|error| error.reason().to_string());
        let counts = vec![("items", payload.items)];
        payload
            .trace
            .span(&name, OwnSpanKind::Client, began, counts, error);
        sent
    }

    async fn send_untraced(&self, payload: &Payload) -> Result<(), SendError> {
        let sent = tokio::select! {
            biased;
            () = self.abort.cancelled() => Err(SendError::ShutDown),
            sent = self.attempts(payload) => sent,
        };
        match sent {
            Ok(accepted) => {
                let rejected = accepted.rejected.min(payload.items);
                let given_up = accepted.given_up.min(payload.items - rejected);
                let lost = rejected.saturating_add(given_up);
                // Exporters that are parts of this one count what they send.
                if !accepted.is_handed_on {
                    self.lag.delivered(payload.received_unix_nano);
                    self.tally
                        .add_sent(payload.signal, payload.items.saturating_sub(lost));
                }
                self.tally.add_send_failed(payload.signal, lost);
                self.lose(payload, Reason::Rejected, rejected);
                self.lose(payload, Reason::RetriesOver, given_up);
                Ok(())
            }
            Err(error) => {
                self.tally.add_send_failed(payload.signal, payload.items);
                Err(error)
            }
        }
    }

    /// Counts items that nobody else has any more.
    pub(super) fn lose(&self, payload: &Payload, reason: Reason, items: u64) {
        let component = format_args!("exporter {}", self.id);
        self.losses.add(component, payload.signal, reason, items);
    }

    /// Counts a batch that nobody else has any more, and says so: once, then once a minute as long as it goes on.
    pub(super) fn drop_batch(&self, payload: &Payload, error: &SendError) {
        self.lose(payload, error.reason(), payload.items);
        let (exporter, items, reason) = (&self.id, payload.items, error.reason());
        let what = payload.signal.items();
        let SendError::Failed(cause) = error else {
            // Draining says how much was left.
            return debug!(%exporter, items, "dropping a batch: {reason}");
        };
        match self.dropping.meet(items) {
            Log::Begin => {
                warn!(%exporter, endpoint = self.endpoint, items, "dropping a batch of {items} {what}: {reason}: {cause}")
            }
            Log::StillOn(tally) => {
                warn!(%exporter, endpoint = self.endpoint, batches = tally.times, items = tally.items,
                    "still dropping batches; {} {what} in {:.0?} so far: {reason}: {cause}", tally.items, tally.lasted)
            }
            Log::Nothing => debug!(%exporter, items, "dropping a batch: {reason}: {cause}"),
        }
    }

    async fn attempts(&self, payload: &Payload) -> Result<ExportResponse, SendError> {
        let mut backoff = Backoff::new(&self.retry);
        let mut progress = Progress::default();
        loop {
            let error = match self.attempt(payload, &mut progress).await {
                Ok(accepted) => {
                    self.took(payload, &accepted);
                    return Ok(accepted);
                }
                Err(error) => error,
            };
            let ExportError::Retryable { after, .. } = &error else {
                return Err(SendError::Failed(error));
            };
            let pause = backoff.next(*after);
            self.failed(payload, &error, pause);
            match pause {
                Some(pause) => self.pause(pause).await?,
                None => {
                    let given_up = progress.parts.give_up(error);
                    return given_up.map_err(SendError::Failed);
                }
            }
        }
    }

    /// Records that the backend took a batch, and its remark.
    fn took(&self, payload: &Payload, accepted: &ExportResponse) {
        let exporter = &self.id;
        if let Some(tally) = self.outage.end() {
            info!(%exporter, endpoint = self.endpoint, attempts = tally.times, waiting = self.waiting.total(),
                "the backend takes batches again, after {:.1?}", tally.lasted);
        }
        if let Some(tally) = self.dropping.end() {
            let what = payload.signal.items();
            warn!(%exporter, batches = tally.times, items = tally.items,
                "batches are delivered again; {} {what} were dropped", tally.items);
        }
        if accepted.rejected > 0 || accepted.remark.is_some() {
            let remark = accepted.remark.as_deref().unwrap_or("nothing");
            warn!(%exporter, endpoint = self.endpoint, items = payload.items, rejected = accepted.rejected,
                "the backend took a batch and rejected {} of its {} {}; it said: {remark}",
                accepted.rejected, payload.items, payload.signal.items());
        }
    }

    /// Notes that the backend did not take a batch: once an outage, and once a minute while it lasts.
    fn failed(&self, payload: &Payload, error: &ExportError, pause: Option<Duration>) {
        let exporter = &self.id;
        let waiting = self.waiting.total();
        let next = match pause {
            Some(pause) => format!("the next attempt comes in {pause:.1?}"),
            None => "there is no further attempt for this batch".to_owned(),
        };
        match self.outage.meet(payload.items) {
            Log::Begin => {
                warn!(%exporter, endpoint = self.endpoint, waiting, "cannot deliver: {error}; {next}")
            }
            Log::StillOn(tally) => {
                warn!(%exporter, endpoint = self.endpoint, waiting, attempts = tally.times,
                    "cannot deliver for {:.0?}: {error}; {next}", tally.lasted)
            }
            Log::Nothing => {
                debug!(%exporter, items = payload.items, "cannot deliver: {error}; {next}")
            }
        }
    }

    async fn attempt(
        &self,
        payload: &Payload,
        progress: &mut Progress,
    ) -> Result<ExportResponse, ExportError> {
        let attempt = self.export.go_on(payload, progress);
        if self.timeout.is_zero() {
            return attempt.await;
        }
        match tokio::time::timeout(self.timeout, attempt).await {
            Ok(result) => result,
            Err(_) => Err(ExportError::retryable(format!(
                "no answer within {:?}",
                self.timeout
            ))),
        }
    }

    /// Waits before the next attempt. While draining, waits are short: the backend may come back at any moment.
    async fn pause(&self, pause: Duration) -> Result<(), SendError> {
        let mut deadline = self.deadline.subscribe();
        let draining = *deadline.borrow_and_update();
        let Some(deadline_at) = draining else {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = deadline.changed() => {}
            }
            return Ok(());
        };
        if deadline_at <= Instant::now() {
            return Err(SendError::ShutDown);
        }
        tokio::time::sleep(pause.min(DRAINING_PAUSE)).await;
        Ok(())
    }
}
