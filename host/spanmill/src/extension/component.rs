//! What the host knows of an extension: how its settings are read, how it opens its socket, how it serves, and where it keeps files.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_net::{BindError, Spare};
use tokio_util::sync::CancellationToken;

use crate::component::{Component, Config};
use crate::health::Health;
use crate::storage::StorageSettings;

/// An extension as the table of components has it.
pub(crate) type ExtensionComponent = Component<Arc<dyn ExtensionConfig>>;

/// An extension that opens its socket.
pub type Binding<'a> =
    Pin<Box<dyn Future<Output = Result<Box<dyn BoundExtension>, BindError>> + Send + 'a>>;

/// A serving extension.
pub type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The settings of an extension.
pub trait ExtensionConfig: Config {
    /// Complains of files that the settings name and that cannot be used, before anything starts.
    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        let _ = (id, out);
    }

    /// Opens the socket, so that a port that is taken is known before anything runs. One in `spare` is taken over.
    fn bind<'a>(&'a self, id: &'a ComponentId, spare: &'a mut Spare) -> Binding<'a>;

    /// Where components may keep what must outlive the process, if it offers that.
    fn storage(&self) -> Option<&StorageSettings> {
        None
    }
}

impl PartialEq for dyn ExtensionConfig {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other)
    }
}

/// An extension whose socket is open and not served yet.
pub trait BoundExtension: Send + Sync {
    /// Where it listens, with its scheme and the port that was found where 0 was asked for; `None` if it does not listen.
    fn address(&self) -> Option<(&'static str, SocketAddr)>;

    /// A second handle of its socket, by endpoint, for an extension that takes it over.
    fn handle(&self) -> Option<(String, std::net::TcpListener)>;

    /// Serves until `stop`.
    fn serve(self: Box<Self>, health: Arc<Health>, stop: CancellationToken) -> Serving;
}
