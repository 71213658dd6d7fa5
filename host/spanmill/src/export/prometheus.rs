//! The `prometheus` exporter: keeps the last value of every series and serves them to scrapers.
//!
//! Names, labels and units follow the OpenTelemetry to Prometheus rules
//! (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>) as the Collector's exporter
//! does. Exemplars are shown in OpenMetrics and protobuf, to scrapers that ask for it. Exponential histograms are native
//! histograms in protobuf; of those the text formats have count and sum.

pub(crate) mod config;
mod format;
mod intake;
mod kind;
mod labels;
mod negotiate;
mod number;
mod page;
mod points;
mod protobuf;
mod reading;
mod registry;
mod series;
#[cfg(test)]
pub(super) mod tests;
mod text;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use prost::Message as _;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::build::StartContext;
use super::component::{ExporterComponent, ExporterConfig, Starting};
use super::exporter::Handle;
use super::{Attempt, Export, ExportError, ExportResponse, Payload, Signal};
use crate::component::Component;
use crate::export::prometheus::config::PrometheusConfig;
use intake::Intake;
use page::Page;
use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_net::tls::{H2, HTTP_1_1, check_server};
use spanmill_net::{Answer, BindError, Bound, ConnectionLimits, Protocol, Spare, bind, serve};
use text::Writer;

/// Pieces of pages that are written at once.
const SCRAPES: usize = 2;

pub(crate) static COMPONENT: ExporterComponent = Component {
    name: "prometheus",
    aliases: &[],
    signals: &[Signal::Metrics],
    read: |section, out| Arc::new(config::read(section, out)),
};

impl ExporterConfig for PrometheusConfig {
    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        if let Some(tls) = &self.tls {
            check_server(&format!("exporter {id}"), tls, out);
        }
    }

    fn start<'a>(&'a self, id: &'a ComponentId, context: StartContext<'a>) -> Starting<'a> {
        Box::pin(async move {
            let (export, address, handle) = Prometheus::start(id, self, context.spare).await?;
            let scheme = match &self.tls {
                Some(_) => "https",
                None => "http",
            };
            Ok(context.local(id, export, "").at(scheme, address, handle))
        })
    }
}

/// The exporter. Dropping it closes its endpoint.
pub(super) struct Prometheus {
    intake: Arc<Intake>,
    end: CancellationToken,
}

impl Prometheus {
    /// Opens the endpoint and serves it; must be called within a tokio runtime.
    pub(super) async fn start(
        id: &ComponentId,
        config: &PrometheusConfig,
        spare: &mut Spare,
    ) -> Result<(Self, SocketAddr, Option<Handle>), BindError> {
        let owner = format!("exporter {id}");
        let bound = bind(&owner, &config.endpoint, spare).await?.secured(
            &owner,
            config.tls.as_ref(),
            &[H2, HTTP_1_1],
        )?;
        let address = bound.address;
        let handle = bound.handle();
        let intake = Arc::new(Intake::new(config));
        let end = CancellationToken::new();
        let scrape = Scrape {
            intake: Arc::clone(&intake),
            now: None,
            gate: Arc::new(Semaphore::new(SCRAPES)),
            open_metrics: config.enable_open_metrics,
            timestamps: config.send_timestamps,
        };
        let ended = end.clone();
        tokio::spawn(async move {
            serve(
                bound,
                Protocol::Http,
                ConnectionLimits::default(),
                scrape,
                &ended,
                Duration::from_secs(1),
            )
            .await;
        });
        Ok((Prometheus { intake, end }, address, handle))
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
            let (intake, bytes) = (Arc::clone(&self.intake), payload.bytes.clone());
            // Tens of thousands of series would block the threads that serve requests for too long.
            let taken = tokio::task::spawn_blocking(move || {
                let request = ExportMetricsServiceRequest::decode(bytes)?;
                Ok::<_, prost::DecodeError>(intake.take(&request))
            });
            let rejected = taken
                .await
                .map_err(|_| ExportError::permanent("the metrics could not be taken in"))?
                .map_err(|_| ExportError::permanent("the metrics cannot be decoded"))?;
            Ok(ExportResponse {
                rejected,
                ..ExportResponse::default()
            })
        })
    }
}

/// Makes metrics as they are at the moment.
pub(crate) type Snapshot = dyn Fn() -> ExportMetricsServiceRequest + Send + Sync;

/// Serves metrics that are made anew for each scrape, until `end`.
pub(crate) async fn serve_metrics(
    bound: Bound,
    config: PrometheusConfig,
    now: Arc<Snapshot>,
    end: CancellationToken,
) {
    let scrape = Scrape {
        intake: Arc::new(Intake::new(&config)),
        now: Some(now),
        gate: Arc::new(Semaphore::new(SCRAPES)),
        open_metrics: config.enable_open_metrics,
        timestamps: config.send_timestamps,
    };
    let limits = ConnectionLimits::default();
    serve(
        bound,
        Protocol::Http,
        limits,
        scrape,
        &end,
        Duration::from_secs(1),
    )
    .await;
}

#[derive(Clone)]
struct Scrape {
    intake: Arc<Intake>,
    /// What is taken in before each page, if metrics do not come by themselves.
    now: Option<Arc<Snapshot>>,
    gate: Arc<Semaphore>,
    open_metrics: bool,
    timestamps: bool,
}

impl Scrape {
    fn plain(&self, status: StatusCode, message: &'static str) -> Response<Page> {
        let mut response = Response::new(Page::fixed(&self.intake, &self.gate, message));
        *response.status_mut() = status;
        response
    }
}

impl Answer for Scrape {
    type Body = Page;

    async fn answer(&self, request: Request<Incoming>, _peer: IpAddr) -> Response<Page> {
        if request.uri().path() != "/metrics" {
            return self.plain(StatusCode::NOT_FOUND, "metrics are at /metrics\n");
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut response = self.plain(
                StatusCode::METHOD_NOT_ALLOWED,
                "metrics are fetched with GET\n",
            );
            response
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        if let Some(now) = &self.now {
            self.intake.take(&now());
        }
        let accepts = request.headers().get_all(ACCEPT).iter();
        let accepts = accepts.filter_map(|value| value.to_str().ok());
        let format = negotiate::format(accepts, self.open_metrics);
        let writer = Writer {
            format,
            timestamps: self.timestamps,
        };
        let mut response = Response::new(Page::new(&self.intake, &self.gate, writer));
        response.headers_mut().insert(
            CONTENT_TYPE,
            HeaderValue::from_static(format.content_type()),
        );
        response
    }
}
