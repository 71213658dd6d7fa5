//! What the service tells about itself: metrics under the Collector's names, to be scraped and pushed, spans of its own work, and a
//! line a minute in the log.

pub(crate) mod config;
mod families;
mod gather;
mod otlp;
mod pull;
mod push;
pub(crate) mod resource;
mod spans;
pub(crate) mod spans_config;
mod summary;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::ComponentId;
use crate::export::BuildError;
use crate::service::Controller;
use config::{MetricsSettings, Reader};
use gather::Gatherer;
use spanmill_net::BindError;
use spans_config::TracesSettings;

/// Readers that are about to serve and to push.
pub struct Telemetry {
    pulls: Vec<pull::PullReader>,
    pushes: Vec<push::PushReader>,
    spans: Option<spans::SpanSender>,
}

/// Why a reader cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// An address cannot be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// An exporter cannot be made.
    #[error(transparent)]
    Export(#[from] BuildError),
}

impl Telemetry {
    /// Opens what the settings ask for; must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// An address that cannot be bound, unless nobody asked for it: then the log says so.
    pub async fn bind(
        settings: &MetricsSettings,
        traces: Option<&TracesSettings>,
    ) -> Result<Self, TelemetryError> {
        let owner = ComponentId::parse("telemetry").ok();
        let spans = match traces.zip(owner) {
            Some((traces, owner)) => Some(spans::SpanSender::new(&owner, traces)?),
            None => None,
        };
        let (mut pulls, mut pushes) = (Vec::new(), Vec::new());
        for reader in &settings.readers {
            match reader {
                Reader::Pull(config) => match pull::PullReader::bind(config).await {
                    Ok(reader) => pulls.push(reader),
                    Err(_) if config.is_default => {
                        let endpoint = &config.endpoint;
                        tracing::info!(
                            "metrics of the service are not served: {endpoint} cannot be listened on; choose another address under service.telemetry.metrics"
                        );
                    }
                    Err(error) => return Err(error.into()),
                },
                Reader::Push(config) => {
                    if let Ok(owner) = ComponentId::parse("telemetry") {
                        pushes.push(push::PushReader::new(&owner, config)?);
                    }
                }
            }
        }
        Ok(Telemetry {
            pulls,
            pushes,
            spans,
        })
    }

    /// The addresses served, one line each.
    pub fn addresses(&self) -> Vec<String> {
        let pulls = self.pulls.iter();
        pulls
            .map(|pull| format!("telemetry http {}", pull.address()))
            .collect()
    }

    /// Serves and pushes until `end`.
    pub fn serve(self, controller: &Arc<Controller>, end: &CancellationToken) -> TaskTracker {
        let gatherer = Arc::new(Gatherer::new(Arc::clone(controller)));
        let tasks = TaskTracker::new();
        for pull in self.pulls {
            tasks.spawn(pull.serve(Arc::clone(&gatherer), end.clone()));
        }
        for push in self.pushes {
            tasks.spawn(push.run(Arc::clone(&gatherer), end.clone()));
        }
        if let Some(sender) = self.spans
            && let Some(spans) = controller.tracer().record(sender.sampling)
        {
            tasks.spawn(sender.run(spans, end.clone()));
        }
        tasks.spawn(summary::run(gatherer, end.clone()));
        tasks.close();
        tasks
    }
}
