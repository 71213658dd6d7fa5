//! Metrics that are scraped.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use spanmill_net::{BindError, Bound, Spare, bind};
use tokio_util::sync::CancellationToken;

use super::config::PullConfig;
use super::gather::Gatherer;
use super::otlp;
use crate::export::prometheus::config::PrometheusConfig;
use crate::export::prometheus::serve_metrics;

/// A page for scrapers, which is open and not served yet.
pub(super) struct PullReader {
    bound: Bound,
    page: PrometheusConfig,
}

impl PullReader {
    /// Opens the address.
    pub async fn bind(config: &PullConfig) -> Result<Self, BindError> {
        let mut spare = Spare::default();
        let bound = bind("service.telemetry.metrics", &config.endpoint, &mut spare).await?;
        Ok(PullReader {
            bound,
            page: config.page(),
        })
    }

    pub fn address(&self) -> SocketAddr {
        self.bound.address
    }

    /// Serves until `end`. Each scrape shows what is so then.
    pub fn serve(
        self,
        gatherer: Arc<Gatherer>,
        end: CancellationToken,
    ) -> impl Future<Output = ()> + Send {
        // A resource would become labels on every metric, which the Collector's do not have.
        let now = move || {
            let now = otlp::now_unix_nano();
            otlp::request(
                gatherer.gather(),
                Vec::new(),
                gatherer.started_unix_nano,
                now,
            )
        };
        serve_metrics(self.bound, self.page, Arc::new(now), end)
    }
}
