//! The running receivers. They are replaced without refusing a connection and end without losing a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::ComponentId;
use crate::pipeline::Topology;
use crate::receive::component::{BoundReceiver, ReceiverConfig};
use spanmill_net::{BindError, Spare};

/// The receivers that a manifest wants.
type ReceiverConfigs = BTreeMap<ComponentId, Arc<dyn ReceiverConfig>>;

/// The receivers of a manifest.
#[derive(Default)]
pub(super) struct Receivers {
    by_id: BTreeMap<ComponentId, ReceiverEntry>,
    /// The serving tasks; each returns how many connections it cut off.
    serving: JoinSet<usize>,
}

/// One receiver.
struct ReceiverEntry {
    config: Arc<dyn ReceiverConfig>,
    addresses: Vec<String>,
    handles: Vec<(String, std::net::TcpListener)>,
    /// Bound, not serving yet.
    bound: Option<Box<dyn BoundReceiver>>,
    stop: CancellationToken,
}

/// Receivers that are bound and about to replace those that serve.
pub(super) struct BoundReceivers(BTreeMap<ComponentId, ReceiverEntry>);

impl Receivers {
    /// Whether a manifest's receiver is served as it is.
    fn has(&self, id: &ComponentId, config: &Arc<dyn ReceiverConfig>) -> bool {
        self.by_id
            .get(id)
            .is_some_and(|open| *open.config == **config)
    }

    /// Offers the sockets of receivers that change or go to their successors.
    pub(super) fn spare(&self, wanted: &ReceiverConfigs, spare: &mut Spare) {
        for (id, open) in &self.by_id {
            if wanted.get(id).is_none_or(|config| **config != *open.config) {
                for (endpoint, handle) in &open.handles {
                    spare.add(endpoint, handle);
                }
            }
        }
    }

    /// Binds the receivers that are new or have changed.
    pub(super) async fn open(
        &self,
        wanted: &ReceiverConfigs,
        spare: &mut Spare,
    ) -> Result<BoundReceivers, BindError> {
        let mut opened = BTreeMap::new();
        for (id, config) in wanted {
            if self.has(id, config) {
                continue;
            }
            let bound = config.bind(id, spare).await?;
            let named = bound.addresses().into_iter();
            let addresses =
                named.map(|(protocol, address)| format!("receiver {id} {protocol} {address}"));
            let open = ReceiverEntry {
                config: config.clone(),
                addresses: addresses.collect(),
                handles: bound.handles(),
                bound: Some(bound),
                stop: CancellationToken::new(),
            };
            opened.insert(id.clone(), open);
        }
        Ok(BoundReceivers(opened))
    }

    /// Puts bound receivers in place, and stops those that they replace or that are no longer wanted. Requests under way
    /// finish. Returns a line for each change.
    pub(super) fn replace(
        &mut self,
        opened: BoundReceivers,
        wanted: &ReceiverConfigs,
    ) -> Vec<String> {
        let mut changes = Vec::new();
        self.by_id.retain(|id, open| {
            let stays = wanted.contains_key(id);
            if !stays {
                changes.push(format!("receiver {id} removed"));
                open.stop.cancel();
            }
            stays
        });
        for (id, open) in opened.0 {
            // A receiver without sockets has no addresses.
            let at = match open.addresses.join(", ") {
                addresses if addresses.is_empty() => addresses,
                addresses => format!(": {addresses}"),
            };
            let before = self.by_id.insert(id.clone(), open);
            let change = match &before {
                Some(before) => {
                    before.stop.cancel();
                    "changed"
                }
                None => "added",
            };
            changes.push(format!("receiver {id} {change}{at}"));
        }
        changes
    }

    /// Starts every receiver that is not serving yet.
    pub(super) fn serve(
        &mut self,
        topology: &Topology,
        shutdown: &CancellationToken,
        grace: Duration,
    ) {
        // Reaps those that have ended.
        while self.serving.try_join_next().is_some() {}
        for (id, open) in &mut self.by_id {
            let (Some(bound), Some(intake)) = (open.bound.take(), topology.intake(id)) else {
                continue;
            };
            let (stop, shutdown) = (open.stop.clone(), shutdown.clone());
            self.serving.spawn(async move {
                let end = stop.clone();
                let ending = async move {
                    shutdown.cancelled().await;
                    end.cancel();
                };
                let serving = bound.serve(Arc::new(intake), stop, grace);
                tokio::pin!(serving);
                tokio::select! {
                    cut_off = &mut serving => cut_off,
                    () = ending => serving.await,
                }
            });
        }
    }

    /// Waits until all have ended; returns how many connections were cut off.
    pub(super) async fn ended(&mut self) -> usize {
        // As long as there is a handle of a socket, the system takes connections that nobody serves.
        for open in self.by_id.values_mut() {
            open.handles.clear();
        }
        let mut cut_off = 0;
        while let Some(served) = self.serving.join_next().await {
            cut_off += served.unwrap_or(0);
        }
        cut_off
    }

    /// The addresses served, one line each.
    pub(super) fn addresses(&self) -> impl Iterator<Item = String> {
        self.by_id.values().flat_map(|open| open.addresses.clone())
    }
}
