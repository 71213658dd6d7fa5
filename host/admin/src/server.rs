//! The server: a socket, a guard at the door, and a route for every command.

mod bind;
mod browser;
mod connections;
mod glance;
mod guard;
mod lines;
mod page;
mod query;
mod routes;
mod strangers;
mod upload;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use bind::BindError;
pub(crate) use routes::{EventList, PluginList};
#[cfg(test)]
pub(crate) use routes::{Verb, table};
#[cfg(test)]
pub(crate) use upload::MAX_BYTES;

use crate::config::{AdminConfig, Endpoint, Token};
use crate::control::Control;

/// How long commands and connections may take to end, once the service is shutting down.
const GRACE: Duration = Duration::from_secs(3);

/// A socket that listens for operators.
#[derive(Debug)]
pub struct AdminServer {
    listener: bind::Listener,
    endpoint: Endpoint,
    token: Option<Token>,
    made_token: bool,
}

impl AdminServer {
    /// Listens; connections wait until [`AdminServer::serve`].
    pub async fn bind(config: &AdminConfig) -> Result<AdminServer, BindError> {
        let (listener, endpoint) = bind::bind(config).await?;
        let made_token = config.token.is_none() && matches!(endpoint, Endpoint::Address(_));
        let token = match made_token {
            true => {
                let token = Token::random();
                Some(token.map_err(|cause| BindError::new(&endpoint.to_string(), cause))?)
            }
            false => config.token.clone(),
        };
        Ok(AdminServer {
            listener,
            endpoint,
            token,
            made_token,
        })
    }

    /// Where it listens; a port is the real one.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// How URLs of it begin, on an address.
    pub fn scheme(&self) -> &'static str {
        match &self.listener {
            bind::Listener::Address { tls: Some(_), .. } => "https",
            _ => "http",
        }
    }

    /// The address it listens on, if it is one.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.endpoint {
            Endpoint::Address(address) => address.parse().ok(),
            Endpoint::Socket(_) => None,
        }
    }

    /// The token that was made because none was set: nobody else knows it.
    pub fn made_token(&self) -> Option<&Token> {
        self.token.as_ref().filter(|_| self.made_token)
    }

    /// Serves until `shutdown` and a few seconds longer, for what is under way.
    pub async fn serve<C: Control>(self, control: Arc<C>, shutdown: CancellationToken) {
        let tracker = TaskTracker::new();
        let app = routes::App::new(control, tracker.clone());
        let strangers = Arc::default();
        let guard = guard::Guard {
            token: self.token,
            strangers: Arc::clone(&strangers),
        };
        let router = routes::router(app, guard);
        connections::serve(self.listener, router, strangers, tracker, &shutdown, GRACE).await;
    }
}
