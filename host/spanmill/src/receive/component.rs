//! What the host knows of a receiver: how its settings are read, how it opens its sockets, and how it serves.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_net::{BindError, Spare};
use tokio_util::sync::CancellationToken;

use super::RequestIntake;
use crate::component::{Component, Config};

/// A receiver as the table of components has it.
pub(crate) type ReceiverComponent = Component<Arc<dyn ReceiverConfig>>;

/// A receiver that opens its sockets.
pub type Binding<'a> =
    Pin<Box<dyn Future<Output = Result<Box<dyn BoundReceiver>, BindError>> + Send + 'a>>;

/// A serving receiver; returns how many connections it cut off when it stopped.
pub type Serving = Pin<Box<dyn Future<Output = usize> + Send>>;

/// The settings of a receiver.
pub trait ReceiverConfig: Config {
    /// Complains of files that the settings name and that cannot be used, before anything starts.
    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        let _ = (id, out);
    }

    /// Whether the headers of requests go along with them.
    fn keeps_metadata(&self) -> bool {
        false
    }

    /// Opens the sockets, so that a port that is taken is known before anything runs. Those in `spare` are taken over.
    fn bind<'a>(&'a self, id: &'a ComponentId, spare: &'a mut Spare) -> Binding<'a>;
}

impl PartialEq for dyn ReceiverConfig {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other)
    }
}

/// A receiver whose sockets are open and not served yet.
pub trait BoundReceiver: Send + Sync {
    /// Where it listens, by protocol, with the port that was found where 0 was asked for.
    fn addresses(&self) -> Vec<(&'static str, SocketAddr)>;

    /// Second handles of its sockets, by endpoint, for a receiver that takes them over.
    fn handles(&self) -> Vec<(String, std::net::TcpListener)>;

    /// Serves until `shutdown`, then takes no more connections and finishes the requests in flight, for `grace` at most.
    fn serve(
        self: Box<Self>,
        intake: Arc<dyn RequestIntake>,
        shutdown: CancellationToken,
        grace: Duration,
    ) -> Serving;
}
