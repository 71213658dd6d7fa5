//! Metrics that are sent on, as OTLP.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use prost::Message as _;
use spanmill_model::Signal;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::config::{PushConfig, PushProtocol};
use super::gather::Gatherer;
use super::otlp;
use crate::config::ComponentId;
use crate::episode::{Episode, Log};
use crate::export::{BuildError, Export, Payload, otlp_grpc, otlp_http};

/// Sends all metrics again and again.
pub(super) struct PushReader {
    export: Box<dyn Export>,
    interval: Duration,
    timeout: Duration,
    resource: Vec<KeyValue>,
    failing: Episode,
}

impl PushReader {
    /// Makes the exporter; must be called within a tokio runtime.
    pub fn new(owner: &ComponentId, config: &PushConfig) -> Result<Self, BuildError> {
        let export: Box<dyn Export> = match &config.protocol {
            PushProtocol::Grpc(grpc) => Box::new(otlp_grpc::OtlpGrpc::new(owner, grpc)?),
            PushProtocol::Http(http) => Box::new(otlp_http::OtlpHttp::new(owner, http)?),
        };
        let resource = config.resource.iter();
        Ok(PushReader {
            export,
            interval: config.interval,
            timeout: config.timeout,
            resource: resource
                .map(|(key, value)| otlp::text(key, value))
                .collect(),
            failing: Episode::default(),
        })
    }

    /// Sends until `end`, and once more then.
    pub async fn run(self, gatherer: Arc<Gatherer>, end: CancellationToken) {
        let mut due = tokio::time::interval(self.interval);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first is due at once, when there is nothing to tell.
        due.tick().await;
        loop {
            let is_over = tokio::select! {
                _ = due.tick() => false,
                () = end.cancelled() => true,
            };
            self.send(&gatherer).await;
            if is_over {
                return;
            }
        }
    }

    async fn send(&self, gatherer: &Gatherer) {
        let now = otlp::now_unix_nano();
        let resource = self.resource.clone();
        let request = otlp::request(gatherer.gather(), resource, gatherer.started_unix_nano, now);
        let points: usize = request
            .resource_metrics
            .iter()
            .flat_map(|it| &it.scope_metrics)
            .map(|it| it.metrics.len())
            .sum();
        let payload = Payload {
            signal: Signal::Metrics,
            bytes: request.encode_to_vec().into(),
            items: u64::try_from(points).unwrap_or(u64::MAX),
            metadata: Default::default(),
            received_unix_nano: 0,
            trace: Default::default(),
        };
        let sent = tokio::time::timeout(self.timeout, self.export.export(&payload)).await;
        let why = match sent {
            Ok(Ok(_)) => {
                if let Some(tally) = self.failing.end() {
                    tracing::info!(
                        "metrics of the service are delivered again, after {:.0?}",
                        tally.lasted
                    );
                }
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {:?}", self.timeout),
        };
        match self.failing.meet(0) {
            Log::Begin => tracing::warn!("metrics of the service cannot be delivered: {why}"),
            Log::StillOn(tally) => tracing::warn!(
                "metrics of the service cannot be delivered for {:.0?}: {why}",
                tally.lasted
            ),
            Log::Nothing => {}
        }
    }
}
