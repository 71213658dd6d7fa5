//! The second version's servers: HTTP, and gRPC's health service.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use spanmill_net::{Answer, Bound, ConnectionLimits, Protocol, serve};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::server::{HealthReporter, health_reporter};
use tower_service::Service as _;

use super::report::Report;
use super::status_config::{StatusConfig, Unhealthy};
use crate::extension::component::{BoundExtension, Serving};
use crate::health::Health;

/// How long a probe that is being answered may take once the process ends.
const GRACE: Duration = Duration::from_secs(1);
/// How often gRPC's health service is told.
const INTERVAL: Duration = Duration::from_millis(500);

/// Listens, and does not answer yet.
pub(super) struct BoundStatus {
    pub config: StatusConfig,
    pub http: Option<Bound>,
    pub grpc: Option<Bound>,
}

impl BoundExtension for BoundStatus {
    fn address(&self) -> Option<(&'static str, SocketAddr)> {
        let http = self.http.as_ref().map(|bound| ("http", bound.address));
        http.or(self.grpc.as_ref().map(|bound| ("grpc", bound.address)))
    }

    fn handle(&self) -> Option<(String, std::net::TcpListener)> {
        self.http.as_ref().or(self.grpc.as_ref())?.handle()
    }

    fn serve(self: Box<Self>, health: Arc<Health>, stop: CancellationToken) -> Serving {
        let BoundStatus { config, http, grpc } = *self;
        Box::pin(async move {
            let unhealthy = config.unhealthy;
            let limits = ConnectionLimits::default;
            let over_http = async {
                if let (Some(bound), Some(settings)) = (http, config.http) {
                    let page = StatusPage {
                        path: settings.path.map(Arc::from),
                        health: Arc::clone(&health),
                        unhealthy,
                    };
                    serve(bound, Protocol::Http, limits(), page, &stop, GRACE).await;
                }
            };
            let over_grpc = async {
                if let Some(bound) = grpc {
                    let (reporter, service) = health_reporter();
                    let service = GrpcHealth(service);
                    tokio::select! {
                        // It is told until the server has ended.
                        () = tell(reporter, &health, unhealthy) => {}
                        _ = serve(bound, Protocol::Grpc, limits(), service, &stop, GRACE) => {}
                    }
                }
            };
            tokio::join!(over_http, over_grpc);
        })
    }
}

#[derive(Clone)]
struct StatusPage {
    path: Option<Arc<str>>,
    health: Arc<Health>,
    unhealthy: Unhealthy,
}

impl Answer for StatusPage {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>, _peer: IpAddr) -> Response<Full<Bytes>> {
        let uri = request.uri();
        if self.path.as_deref() != Some(uri.path()) {
            return plain(StatusCode::NOT_FOUND, "404 page not found\n");
        }
        let (mut pipeline, mut verbose) = (None, false);
        for part in uri.query().unwrap_or_default().split('&') {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy();
            match key {
                "pipeline" if !value.is_empty() => pipeline = Some(value.into_owned()),
                "verbose" => verbose = value != "false",
                _ => {}
            }
        }
        let whole = Report::of(&self.health, self.unhealthy);
        let report = match &pipeline {
            Some(pipeline) => whole.pipeline(pipeline),
            None => Some(&whole),
        };
        let Some(report) = report else {
            return plain(StatusCode::NOT_FOUND, "");
        };
        let start = self.health.uptime().map(|uptime| uptime.since);
        let json = report.json(start, verbose).to_string();
        let mut response = Response::new(Full::new(Bytes::from(json)));
        *response.status_mut() = report.http_status();
        let content_type = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        response
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
}

/// gRPC's health service: the service itself under the empty name, and each pipeline under its own.
struct GrpcHealth<S>(HealthServer<S>);

impl<S> Clone for GrpcHealth<S> {
    fn clone(&self) -> Self {
        GrpcHealth(self.0.clone())
    }
}

impl<S: HealthService> Answer for GrpcHealth<S> {
    type Body = Body;

    async fn answer(&self, request: Request<Incoming>, _peer: IpAddr) -> Response<Body> {
        let mut service = self.0.clone();
        match service.call(request.map(Body::new)).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}

/// Tells the service how it fares, again and again.
async fn tell(reporter: HealthReporter, health: &Health, unhealthy: Unhealthy) {
    let mut due = tokio::time::interval(INTERVAL);
    let mut known: Vec<String> = Vec::new();
    loop {
        due.tick().await;
        let whole = Report::of(health, unhealthy);
        let pipelines = whole.pipelines();
        let named = pipelines.map(|(name, report)| (name.to_owned(), report));
        let all: Vec<(String, &Report)> = named.chain([(String::new(), &whole)]).collect();
        for gone in known
            .iter()
            .filter(|name| all.iter().all(|(one, _)| one != *name))
        {
            reporter.clone().clear_service_status(gone).await;
        }
        for (name, report) in &all {
            let status = match report.is_healthy && report.status.is_serving() {
                true => ServingStatus::Serving,
                false => ServingStatus::NotServing,
            };
            reporter.set_service_status(name, status).await;
        }
        known = all.into_iter().map(|(name, _)| name).collect();
    }
}
