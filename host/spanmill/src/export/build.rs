//! From an exporter's configuration to an exporter that runs.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::debug::{Debug, DebugOutput};
use super::exporter::{Behaviour, Exporter, Shared};
use super::file::File;
use super::nop::Nop;
use super::otlp_grpc::OtlpGrpc;
use super::otlp_http::OtlpHttp;
use super::prometheus::Prometheus;
use super::remote_write::RemoteWrite;
use crate::config::{self, ClientSettings, ComponentId, Retry};
use crate::receive::{BindError, Spare};

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
        cause: String,
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

impl Exporter {
    /// Starts an exporter; must be called within a tokio runtime. `output` is where a debug exporter writes;
    /// a socket in `spare` is taken over.
    pub async fn start(
        id: &ComponentId,
        config: &config::Exporter,
        output: DebugOutput,
        spare: &mut Spare,
        shared: &Shared,
    ) -> Result<Self, BuildError> {
        let exporter = match config {
            config::Exporter::Otlp(otlp) => {
                let export = OtlpGrpc::new(id, otlp)?;
                let behaviour = behaviour(&otlp.client, &otlp.uri);
                Self::new(id.clone(), Box::new(export), behaviour, shared)
            }
            config::Exporter::OtlpHttp(http) => {
                let export = OtlpHttp::new(id, http)?;
                let url = http.urls.iter().find_map(|(_, url)| url.as_ref());
                let behaviour = behaviour(&http.client, url.map_or("", |url| url));
                Self::new(id.clone(), Box::new(export), behaviour, shared)
            }
            config::Exporter::Debug(debug) => {
                let export = Box::new(Debug::new(debug, output));
                Self::new(id.clone(), export, local(""), shared)
            }
            config::Exporter::File(file) => {
                let export = Box::new(File::new(id, file)?);
                let behaviour = local(&file.path.display().to_string());
                Self::new(id.clone(), export, behaviour, shared)
            }
            config::Exporter::Prometheus(prometheus) => {
                let (export, address, handle) = Prometheus::start(id, prometheus, spare).await?;
                Self::new(id.clone(), Box::new(export), local(""), shared).at(address, handle)
            }
            config::Exporter::RemoteWrite(remote) => {
                let export = Box::new(RemoteWrite::new(id, remote)?);
                let behaviour = behaviour(&remote.client, &remote.url);
                Self::new(id.clone(), export, behaviour, shared)
            }
            config::Exporter::Nop => Self::new(id.clone(), Box::new(Nop), local(""), shared),
        };
        Ok(exporter)
    }
}

fn behaviour(client: &ClientSettings, url: &str) -> Behaviour {
    Behaviour {
        endpoint: without_secrets(url),
        queue: client.queue.clone(),
        retry: client.retry.clone(),
        timeout: client.timeout,
    }
}

/// Exporters that go nowhere far are awaited: the sender tries again if it must.
fn local(endpoint: &str) -> Behaviour {
    Behaviour {
        endpoint: endpoint.to_owned(),
        queue: None,
        retry: Retry {
            enabled: false,
            ..Retry::default()
        },
        timeout: std::time::Duration::ZERO,
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
