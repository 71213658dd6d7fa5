//! The server: a socket, a guard at the door, and a route for every command.

mod bind;
mod connections;
mod guard;
mod query;
mod routes;
mod upload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use bind::BindError;
pub(crate) use routes::{EventList, PluginList};
#[cfg(test)]
pub(crate) use routes::{Verb, table};
#[cfg(test)]
pub(crate) use upload::MAX_BYTES;

use crate::config::{AdminConfig, Token};
use crate::control::Control;

/// How long commands and connections may take to end, once the service is shutting down.
const GRACE: Duration = Duration::from_secs(3);

/// A socket that listens for operators.
#[derive(Debug)]
pub struct AdminServer {
    listener: TcpListener,
    address: SocketAddr,
    token: Option<Token>,
}

impl AdminServer {
    /// Listens; connections wait until [`AdminServer::serve`].
    pub async fn bind(config: &AdminConfig) -> Result<AdminServer, BindError> {
        let (listener, address) = bind::bind(&config.endpoint, config.token.is_some()).await?;
        Ok(AdminServer {
            listener,
            address,
            token: config.token.clone(),
        })
    }

    /// Where it listens; the port is the real one.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `shutdown` and a few seconds longer, for what is under way.
    pub async fn serve<C: Control>(self, control: Arc<C>, shutdown: CancellationToken) {
        let tracker = TaskTracker::new();
        let app = routes::App::new(control, tracker.clone());
        let router = routes::router(app, self.token);
        connections::serve(self.listener, router, tracker, &shutdown, GRACE).await;
    }
}
