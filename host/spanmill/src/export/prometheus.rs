//! The `prometheus` exporter: keeps the last of every series, and shows them to whoever scrapes.
//!
//! Names, labels and units follow the OpenTelemetry to Prometheus rules
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>) as the Collector's exporter
//! does. Exemplars are shown in OpenMetrics, to scrapers that ask for it. Left out: exponential histograms, which
//! the text formats cannot carry.

mod names;
mod registry;
#[cfg(test)]
mod tests;
mod text;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message as _;
use tokio_util::sync::CancellationToken;

use super::exporter::Handle;
use super::{Accepted, Attempt, Export, ExportError, Payload, Signal};
use crate::config::{ComponentId, PrometheusExporter};
use crate::receive::connections::{self, Answer, ConnectionLimits, Protocol};
use crate::receive::{BindError, Spare, bind};
use registry::Registry;
use text::Format;

/// The exporter, and its endpoint as long as it lives.
pub(super) struct Prometheus {
    registry: Arc<Mutex<Registry>>,
    end: CancellationToken,
}

impl Prometheus {
    /// Opens the endpoint and serves it; must be called within a tokio runtime.
    pub(super) async fn start(
        id: &ComponentId,
        config: &PrometheusExporter,
        spare: &mut Spare,
    ) -> Result<(Self, SocketAddr, Option<Handle>), BindError> {
        let bound = bind::bind("exporter", id, &config.endpoint, spare).await?;
        let address = bound.address;
        let handle = bound.handle();
        let registry = Arc::new(Mutex::new(Registry::new(config)));
        let end = CancellationToken::new();
        let scrape = Scrape {
            registry: Arc::clone(&registry),
            open_metrics: config.enable_open_metrics,
        };
        let ended = end.clone();
        tokio::spawn(async move {
            connections::serve(
                bound.listener,
                Protocol::Http,
                ConnectionLimits::default(),
                scrape,
                &ended,
                Duration::from_secs(1),
            )
            .await;
        });
        Ok((Prometheus { registry, end }, address, handle))
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

impl Export for Prometheus {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        Box::pin(async move {
            if payload.signal != Signal::Metrics {
                return Err(ExportError::permanent("prometheus takes metrics only"));
            }
            let request = ExportMetricsServiceRequest::decode(payload.bytes.clone())
                .map_err(|_| ExportError::permanent("the metrics cannot be decoded"))?;
            let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
            let rejected = registry.take(&request);
            Ok(Accepted {
                rejected,
                remark: None,
            })
        })
    }
}

#[derive(Clone)]
struct Scrape {
    registry: Arc<Mutex<Registry>>,
    open_metrics: bool,
}

impl Answer for Scrape {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.uri().path() != "/metrics" {
            return plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "metrics are fetched with GET\n",
            );
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let accepts = request.headers().get_all(ACCEPT).iter();
        let asks = accepts
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.contains("application/openmetrics-text"));
        let format = if self.open_metrics && asks {
            Format::OpenMetrics
        } else {
            Format::Text
        };
        let page = {
            let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
            text::page(&mut registry, format)
        };
        let mut response = Response::new(Full::new(Bytes::from(page)));
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static(format.content_type()),
        );
        response
    }
}

fn plain(status: StatusCode, message: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(message.as_bytes())));
    *response.status_mut() = status;
    response
}
