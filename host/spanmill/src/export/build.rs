//! From an exporter's configuration to an exporter that runs.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::debug::{Debug, DebugOutput};
use super::file::File;
use super::otlp_grpc::OtlpGrpc;
use super::otlp_http::OtlpHttp;
use super::prometheus::Prometheus;
use super::queue::{Behaviour, Exporter};
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
    #[error("exporter {exporter}: tls: {cause}; check the files under `tls:`")]
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
    ) -> Result<Self, BuildError> {
        let exporter = match config {
            config::Exporter::Otlp(otlp) => {
                let export = OtlpGrpc::new(id, otlp)?;
                Self::new(id.clone(), Box::new(export), behaviour(&otlp.client))
            }
            config::Exporter::OtlpHttp(http) => {
                let export = OtlpHttp::new(id, http)?;
                Self::new(id.clone(), Box::new(export), behaviour(&http.client))
            }
            config::Exporter::Debug(debug) => {
                Self::new(id.clone(), Box::new(Debug::new(debug, output)), local())
            }
            config::Exporter::File(file) => {
                Self::new(id.clone(), Box::new(File::new(id, file)?), local())
            }
            config::Exporter::Prometheus(prometheus) => {
                let (export, address, handle) = Prometheus::start(id, prometheus, spare).await?;
                Self::new(id.clone(), Box::new(export), local()).at(address, handle)
            }
        };
        Ok(exporter)
    }
}

fn behaviour(client: &ClientSettings) -> Behaviour {
    Behaviour {
        queue: client.queue.clone(),
        retry: client.retry.clone(),
        timeout: client.timeout,
    }
}

/// Exporters that go nowhere far are awaited: the sender tries again if it must.
fn local() -> Behaviour {
    Behaviour {
        queue: None,
        retry: Retry {
            enabled: false,
            ..Retry::default()
        },
        timeout: std::time::Duration::ZERO,
    }
}
