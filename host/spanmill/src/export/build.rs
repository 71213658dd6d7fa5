//! From an exporter's settings to an exporter that runs.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use spanmill_manifest::ComponentId;
use thiserror::Error;

use super::Export;
use super::counters::Tally;
use super::exporter::{Behaviour, Exporter, Shared};
use super::output::DebugOutput;
use crate::export::settings::{ClientSettings, Retry};
use spanmill_net::tls::{ClientTls, TlsClient, TlsError};
use spanmill_net::{BindError, Spare};

/// Why an exporter cannot start.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A file cannot be used.
    #[error("exporter {exporter}: cannot use {}: {cause}", path.display())]
    File {
        /// The exporter's id.
        exporter: ComponentId,
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The TLS settings do not fit together.
    #[error("exporter {exporter}: tls: {cause}")]
    Tls {
        /// The exporter's id.
        exporter: ComponentId,
        /// Why.
        cause: TlsError,
    },
    /// The address is none.
    #[error("exporter {exporter}: endpoint: {cause}; write host and port, or a URL")]
    Endpoint {
        /// The exporter's id.
        exporter: ComponentId,
        /// Why.
        cause: String,
    },
    /// The address of an endpoint cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
}

/// The TLS of an exporter. `alpn` says which protocols to offer.
///
/// # Errors
///
/// If a file or text that the settings name cannot be used.
pub(super) fn tls_client(
    id: &ComponentId,
    tls: &ClientTls,
    alpn: &[&[u8]],
) -> Result<TlsClient, BuildError> {
    TlsClient::new(&format!("exporter {id}"), tls, alpn).map_err(|cause| BuildError::Tls {
        exporter: id.clone(),
        cause,
    })
}

/// What an exporter starts with, besides its settings.
pub struct StartContext<'a> {
    /// Where debug exporters write.
    pub output: &'a DebugOutput,
    /// Sockets to take over.
    pub spare: &'a mut Spare,
    /// What exporters share.
    pub shared: &'a Shared,
}

impl StartContext<'_> {
    /// An exporter to a backend at a URL: with queue and retries, as its settings say.
    pub fn remote(
        &self,
        id: &ComponentId,
        export: impl Export,
        client: &ClientSettings,
        url: &str,
    ) -> Exporter {
        let behaviour = Behaviour {
            endpoint: without_secrets(url),
            queue: client.queue.clone(),
            retry: client.retry.clone(),
            timeout: client.timeout,
            tally: Tally::default(),
        };
        Exporter::new(id.clone(), Box::new(export), behaviour, self.shared)
    }

    /// An exporter that goes nowhere far. Senders wait for it, and try again themselves if they must.
    pub fn local(&self, id: &ComponentId, export: impl Export, endpoint: &str) -> Exporter {
        let behaviour = Behaviour {
            endpoint: endpoint.to_owned(),
            queue: None,
            retry: Retry {
                enabled: false,
                ..Retry::default()
            },
            timeout: Duration::ZERO,
            tally: Tally::default(),
        };
        Exporter::new(id.clone(), Box::new(export), behaviour, self.shared)
    }
}

/// A URL as it may stand in a log: without user and password, query and fragment.
fn without_secrets(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let url = url.get(..end).unwrap_or_default();
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    match scheme {
        "" => format!("{host}{path}"),
        _ => format!("{scheme}://{host}{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn endpoints_are_logged_without_what_may_be_secret() {
        for (url, logged) in [
            (
                "https://user:pass@host:4318/v1?key=1#x",
                "https://host:4318/v1",
            ),
            ("http://host", "http://host"),
            ("host:4317", "host:4317"),
            ("user:p@ss@host:4317", "host:4317"),
            ("", ""),
        ] {
            assert_eq!(without_secrets(url), logged);
        }
    }
}
