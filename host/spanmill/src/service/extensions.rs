//! The running extensions. They serve from before the first request to the end, so that who asks whether the service is ready
//! is answered while it starts and while it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::ComponentId;
use crate::extension::component::{BoundExtension, ExtensionConfig};
use crate::health::Health;
use spanmill_net::{BindError, Spare};

/// The extensions that a manifest wants.
type ExtensionConfigs = BTreeMap<ComponentId, Arc<dyn ExtensionConfig>>;

/// The extensions of a manifest.
#[derive(Default)]
pub(super) struct Extensions {
    by_id: BTreeMap<ComponentId, ExtensionEntry>,
    serving: JoinSet<()>,
}

struct ExtensionEntry {
    config: Arc<dyn ExtensionConfig>,
    address: Option<String>,
    handle: Option<(String, std::net::TcpListener)>,
    stop: CancellationToken,
}

/// Extensions that are bound and about to replace those that serve.
pub(super) struct BoundExtensions(BTreeMap<ComponentId, OpenExtension>);

/// An extension's settings, and its open socket.
type OpenExtension = (Arc<dyn ExtensionConfig>, Box<dyn BoundExtension>);

impl Extensions {
    /// Offers the sockets of extensions that change or go to their successors.
    pub(super) fn spare(&self, wanted: &ExtensionConfigs, spare: &mut Spare) {
        for (id, open) in &self.by_id {
            if wanted.get(id).is_none_or(|config| **config != *open.config)
                && let Some((endpoint, handle)) = &open.handle
            {
                spare.add(endpoint, handle);
            }
        }
    }

    /// Binds the extensions that are new or have changed.
    pub(super) async fn open(
        &self,
        wanted: &ExtensionConfigs,
        spare: &mut Spare,
    ) -> Result<BoundExtensions, BindError> {
        let mut opened = BTreeMap::new();
        for (id, config) in wanted {
            let running = self.by_id.get(id);
            if running.is_none_or(|open| *open.config != **config) {
                let bound = config.bind(id, spare).await?;
                opened.insert(id.clone(), (Arc::clone(config), bound));
            }
        }
        Ok(BoundExtensions(opened))
    }

    /// Puts bound extensions in place, and stops those that they replace or that are no longer wanted. Returns a line for
    /// each change.
    pub(super) fn replace(
        &mut self,
        opened: BoundExtensions,
        wanted: &ExtensionConfigs,
        health: &Arc<Health>,
    ) -> Vec<String> {
        while self.serving.try_join_next().is_some() {}
        let mut changes = Vec::new();
        self.by_id.retain(|id, open| {
            let stays = wanted.contains_key(id);
            if !stays {
                changes.push(format!("extension {id} removed"));
                open.stop.cancel();
            }
            stays
        });
        for (id, (config, bound)) in opened.0 {
            let address = bound.address();
            let address =
                address.map(|(scheme, address)| format!("extension {id} {scheme} {address}"));
            let entry = ExtensionEntry {
                config,
                address,
                handle: bound.handle(),
                stop: CancellationToken::new(),
            };
            let serving = bound.serve(Arc::clone(health), entry.stop.clone());
            self.serving.spawn(serving);
            let at = entry.address.clone();
            let at = at.map_or_else(String::new, |at| format!(": {at}"));
            let change = match self.by_id.insert(id.clone(), entry) {
                Some(before) => {
                    before.stop.cancel();
                    "changed"
                }
                None => "added",
            };
            changes.push(format!("extension {id} {change}{at}"));
        }
        changes
    }

    /// Stops all of them, and waits until they have ended.
    pub(super) async fn end(&mut self) {
        for (_, open) in std::mem::take(&mut self.by_id) {
            open.stop.cancel();
        }
        while self.serving.join_next().await.is_some() {}
    }

    /// The addresses served, one line each.
    pub(super) fn addresses(&self) -> impl Iterator<Item = String> {
        self.by_id.values().filter_map(|open| open.address.clone())
    }
}
