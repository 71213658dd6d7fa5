//! The exporters at the end of a pipeline: each gets a batch, or none does.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::config::{self, ComponentId};
use crate::export::{EnqueueError, Exporter, LONGEST_ASKED, Payload};
use crate::refusal::Refusal;

/// How long a sender should wait when a queue or joint has no room.
pub(super) const AFTER_FULL: Duration = Duration::from_secs(1);

/// The exporters of a pipeline.
#[derive(Default)]
pub struct Fanout {
    /// The exporters; a batch goes to each.
    pub exporters: Vec<Exporter>,
    /// Batches that are being handed over to them.
    users: TaskTracker,
}

/// Exporters that a batch is being handed over to: they are not let go of meanwhile.
pub(super) struct FanoutUse {
    pub(super) fanout: Arc<Fanout>,
    _user: TaskTrackerToken,
}

impl FanoutUse {
    pub(super) fn of(fanout: &Arc<Fanout>) -> Self {
        FanoutUse {
            fanout: Arc::clone(fanout),
            _user: fanout.users.token(),
        }
    }
}

impl Fanout {
    /// The exporters that a pipeline names. Its connectors are not among them.
    pub fn of(config: &config::Pipeline, exporters: &BTreeMap<ComponentId, Exporter>) -> Self {
        let named = config.exporters.iter();
        Fanout {
            exporters: named.filter_map(|id| exporters.get(id).cloned()).collect(),
            users: TaskTracker::new(),
        }
    }

    /// Waits until no batch is being handed over to these exporters. Pipelines must lead elsewhere by now.
    pub async fn unused(&self) {
        self.users.close();
        self.users.wait().await;
    }
}

/// Hands each exporter its payload, once.
///
/// All of them have room, or none is given anything: the sender is asked to wait, and no exporter gets what it sends
/// again twice. An exporter whose backend is down and whose queue is full does not stop the others, though: they get the
/// batch, and it counts as lost for that one. So does a batch that one exporter without a queue could not deliver, and
/// another could.
pub(super) async fn send_to_all(mut sent: Vec<(Exporter, Payload)>) -> Result<(), Refusal> {
    if sent.len() == 1
        && let Some((exporter, payload)) = sent.pop()
    {
        return exporter.enqueue(payload).await.map_err(refusal);
    }
    // In one order for all requests: two that wait for the same two queues must not wait for each other.
    sent.sort_by(|(one, _), (other, _)| one.id().cmp(other.id()));
    let mut reserved = Vec::with_capacity(sent.len());
    let mut missed: Vec<(Exporter, Payload, EnqueueError)> = Vec::new();
    let mut twice = Vec::new();
    for (exporter, payload) in sent {
        if reserved
            .last()
            .is_some_and(|(last, _): &(crate::export::SendPermit, Payload)| {
                last.exporter().is(&exporter)
            })
        {
            // Waiting for room that this very request occupies would never end.
            twice.push((exporter, payload));
            continue;
        }
        match exporter.reserve(&payload).await {
            Ok(place) => reserved.push((place, payload)),
            Err(full @ EnqueueError::Full { .. }) if exporter.is_failing() => {
                missed.push((exporter, payload, full));
            }
            Err(refused) => return Err(refusal(refused)),
        }
    }
    let mut is_taken = false;
    let mut sending = JoinSet::new();
    for (place, payload) in reserved {
        let exporter = place.exporter().clone();
        if place.is_awaited() {
            sending.spawn(async move {
                let result = place.send(payload.clone()).await;
                (exporter, payload, result)
            });
            continue;
        }
        match place.send(payload.clone()).await {
            Ok(()) => is_taken = true,
            Err(refused) => missed.push((exporter, payload, refused)),
        }
    }
    while let Some(result) = sending.join_next().await {
        match result {
            Ok((_, _, Ok(()))) => is_taken = true,
            Ok((exporter, payload, Err(refused))) => missed.push((exporter, payload, refused)),
            Err(_) => return Err(Refusal::Internal("an exporter failed".to_owned())),
        }
    }
    for (exporter, payload) in twice {
        match exporter.enqueue(payload.clone()).await {
            Ok(()) => is_taken = true,
            Err(refused) => missed.push((exporter, payload, refused)),
        }
    }
    if is_taken {
        for (exporter, payload, refused) in &missed {
            tracing::debug!(items = payload.items, %refused, "others have the batch; it is lost for this exporter");
            exporter.lose(payload, refused.reason());
        }
        return Ok(());
    }
    // Nobody has it. A refusal that may pass goes before one that will not: sending again gives the batch its chance.
    let mut refusals = missed.into_iter().map(|(_, _, refused)| refused);
    let first = refusals.next();
    let worst = match &first {
        Some(refused) if refused.is_retryable() => first,
        _ => refusals.find(EnqueueError::is_retryable).or(first),
    };
    worst.map_or(Ok(()), |refused| Err(refusal(refused)))
}

/// What the sender is told.
fn refusal(refused: EnqueueError) -> Refusal {
    let message = refused.to_string();
    match refused {
        EnqueueError::Full { .. } => Refusal::Overloaded {
            retry_after: AFTER_FULL,
        },
        EnqueueError::ShuttingDown { .. } => Refusal::Unavailable {
            retry_after: AFTER_FULL,
        },
        EnqueueError::Retryable { failure, after, .. } => Refusal::Backend {
            code: failure.code,
            message,
            is_retryable: true,
            retry_after: after.map(|after| after.min(LONGEST_ASKED)),
        },
        EnqueueError::Permanent { failure, .. } => Refusal::Backend {
            code: failure.code,
            message,
            is_retryable: false,
            retry_after: None,
        },
    }
}
