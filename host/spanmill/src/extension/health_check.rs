//! The `health_check` extension: says over HTTP whether the service can take requests, as the Collector's does. With `use_v2`, how
//! each component fares, over HTTP and gRPC.

mod config;
mod report;
mod status_config;
mod status_server;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_net::tls::{H2, HTTP_1_1, check_server};
use spanmill_net::{Answer, BindError, Bound, ConnectionLimits, Protocol, Spare, bind, serve};
use tokio_util::sync::CancellationToken;

use super::component::{Binding, BoundExtension, ExtensionComponent, ExtensionConfig, Serving};
use super::go_duration::go_duration;
use crate::component::{Alias, Component};
use crate::health::Health;
use config::{HealthCheckConfig, ProbeConfig};
use status_config::StatusConfig;
use status_server::BoundStatus;

/// How long a probe that is being answered may take once the process ends.
const GRACE: Duration = Duration::from_secs(1);

pub(crate) static COMPONENT: ExtensionComponent = Component {
    name: "health_check",
    aliases: &[
        Alias::new("healthcheck"),
        Alias::new("healthcheckv2"),
        Alias::new("health_check_v2"),
    ],
    signals: &[],
    read: |section, out| Arc::new(config::read(section, out)),
};

impl ExtensionConfig for HealthCheckConfig {
    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        let owner = format!("extension {id}");
        let all = match self {
            HealthCheckConfig::V1(config) => [config.tls.as_ref(), None],
            HealthCheckConfig::V2(config) => [
                config.http.as_ref().and_then(|http| http.tls.as_ref()),
                config.grpc.as_ref().and_then(|grpc| grpc.tls.as_ref()),
            ],
        };
        for tls in all.into_iter().flatten() {
            check_server(&owner, tls, out);
        }
    }

    fn bind<'a>(&'a self, id: &'a ComponentId, spare: &'a mut Spare) -> Binding<'a> {
        Box::pin(async move {
            let owner = format!("extension {id}");
            let config = match self {
                HealthCheckConfig::V1(config) => config,
                HealthCheckConfig::V2(config) => {
                    return bind_status(&owner, config, spare).await;
                }
            };
            let bound = bind(&owner, &config.endpoint, spare).await?.secured(
                &owner,
                config.tls.as_ref(),
                &[H2, HTTP_1_1],
            )?;
            let config = Arc::new(ProbeConfig::clone(config));
            Ok(Box::new(BoundHealthCheck { bound, config }) as Box<dyn BoundExtension>)
        })
    }
}

async fn bind_status(
    owner: &str,
    config: &StatusConfig,
    spare: &mut Spare,
) -> Result<Box<dyn BoundExtension>, BindError> {
    let (mut over_http, mut over_grpc) = (None, None);
    if let Some(http) = &config.http {
        let bound = bind(owner, &http.endpoint, spare).await?;
        over_http = Some(bound.secured(owner, http.tls.as_ref(), &[H2, HTTP_1_1])?);
    }
    if let Some(grpc) = &config.grpc {
        let bound = bind(owner, &grpc.endpoint, spare).await?;
        over_grpc = Some(bound.secured(owner, grpc.tls.as_ref(), &[H2])?);
    }
    Ok(Box::new(BoundStatus {
        config: config.clone(),
        http: over_http,
        grpc: over_grpc,
    }))
}

/// Listens, and does not answer yet.
struct BoundHealthCheck {
    bound: Bound,
    config: Arc<ProbeConfig>,
}

impl BoundExtension for BoundHealthCheck {
    fn address(&self) -> Option<(&'static str, SocketAddr)> {
        let scheme = match self.config.tls {
            Some(_) => "https",
            None => "http",
        };
        Some((scheme, self.bound.address))
    }

    fn handle(&self) -> Option<(String, std::net::TcpListener)> {
        self.bound.handle()
    }

    fn serve(self: Box<Self>, health: Arc<Health>, stop: CancellationToken) -> Serving {
        let BoundHealthCheck { bound, config } = *self;
        let probe = Probe { config, health };
        let limits = ConnectionLimits::default();
        Box::pin(async move {
            serve(bound, Protocol::Http, limits, probe, &stop, GRACE).await;
        })
    }
}

#[derive(Clone)]
struct Probe {
    config: Arc<ProbeConfig>,
    health: Arc<Health>,
}

impl Probe {
    fn status(&self) -> Response<Full<Bytes>> {
        let uptime = self.health.uptime();
        let (status, said, own) = match uptime {
            Some(_) => (StatusCode::OK, "Server available", &self.config.healthy),
            None => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Server not available",
                &self.config.unhealthy,
            ),
        };
        let (since, lasted) = match uptime {
            Some(uptime) => (uptime.since.to_string(), go_duration(uptime.lasted)),
            // Go's time of nothing.
            None => ("0001-01-01T00:00:00Z".to_owned(), String::new()),
        };
        let (body, content_type) = match own {
            Some(own) => (own.clone(), "text/plain; charset=utf-8"),
            None => (
                format!(r#"{{"status":"{said}","upSince":"{since}","uptime":"{lasted}"}}"#),
                "application/json",
            ),
        };
        answer(status, content_type, body)
    }
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

impl Answer for Probe {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>, _peer: IpAddr) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        // As Go routes: a path that ends with a slash stands for everything below it.
        let own = self.config.path.as_str();
        match path == own || (own.ends_with('/') && path.starts_with(own)) {
            true => self.status(),
            false => answer(
                StatusCode::NOT_FOUND,
                "text/plain; charset=utf-8",
                "404 page not found\n".to_owned(),
            ),
        }
    }
}
