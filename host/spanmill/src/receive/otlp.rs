//! The `otlp` receiver: OTLP over gRPC and HTTP.

pub(crate) mod config;
mod limits;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_net::tls::{H2, HTTP_1_1, check_server};
use spanmill_net::{BindError, Bound, Protocol, Spare, bind, serve};
use tokio_util::sync::CancellationToken;

use super::component::{Binding, BoundReceiver, ReceiverComponent, ReceiverConfig, Serving};
use super::unserved::Warned;
use super::{RequestIntake, grpc, http};
use crate::component::{ALL_SIGNALS, Component};
use config::{GrpcServer, HttpServer, OtlpConfig};

pub(crate) static COMPONENT: ReceiverComponent = Component {
    name: "otlp",
    aliases: &[],
    signals: ALL_SIGNALS,
    read: |section, out| Arc::new(config::read(section, out)),
};

impl ReceiverConfig for OtlpConfig {
    fn keeps_metadata(&self) -> bool {
        self.grpc.as_ref().is_some_and(|grpc| grpc.include_metadata)
            || self.http.as_ref().is_some_and(|http| http.include_metadata)
    }

    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        if let Some(tls) = self.grpc.as_ref().and_then(|grpc| grpc.tls.as_ref()) {
            check_server(&format!("receiver {id}: protocols: grpc"), tls, out);
        }
        if let Some(tls) = self.http.as_ref().and_then(|http| http.tls.as_ref()) {
            check_server(&format!("receiver {id}: protocols: http"), tls, out);
        }
    }

    fn bind<'a>(&'a self, id: &'a ComponentId, spare: &'a mut Spare) -> Binding<'a> {
        Box::pin(async move {
            let receiver = OtlpReceiver::bind(id, self, spare).await?;
            Ok(Box::new(receiver) as Box<dyn BoundReceiver>)
        })
    }
}

impl BoundReceiver for OtlpReceiver {
    fn addresses(&self) -> Vec<(&'static str, SocketAddr)> {
        let named = [("grpc", self.grpc_address()), ("http", self.http_address())];
        let served = named.into_iter();
        served
            .filter_map(|(protocol, address)| Some((protocol, address?)))
            .collect()
    }

    fn handles(&self) -> Vec<(String, std::net::TcpListener)> {
        let grpc = self.grpc.iter().map(|(bound, _)| bound);
        let http = self.http.iter().map(|(bound, _)| bound);
        grpc.chain(http).filter_map(Bound::handle).collect()
    }

    fn serve(
        self: Box<Self>,
        intake: Arc<dyn RequestIntake>,
        shutdown: CancellationToken,
        grace: Duration,
    ) -> Serving {
        Box::pin(OtlpReceiver::serve(*self, intake, shutdown, grace))
    }
}

/// An `otlp` receiver whose sockets are open and not served yet.
#[derive(Debug)]
pub(crate) struct OtlpReceiver {
    grpc: Option<(Bound, GrpcServer)>,
    http: Option<(Bound, HttpServer)>,
    warned: Arc<Warned>,
}

impl OtlpReceiver {
    /// Opens the sockets, so that a port that is taken is known before anything runs.
    /// Those in `spare` are taken over.
    pub async fn bind(
        id: &ComponentId,
        config: &OtlpConfig,
        spare: &mut Spare,
    ) -> Result<Self, BindError> {
        let owner = format!("receiver {id}");
        let grpc = match &config.grpc {
            Some(grpc) => Some((
                bind(&owner, &grpc.endpoint, spare).await?.secured(
                    &format!("{owner}: protocols: grpc"),
                    grpc.tls.as_ref(),
                    &[H2],
                )?,
                grpc.clone(),
            )),
            None => None,
        };
        let http = match &config.http {
            Some(http) => Some((
                bind(&owner, &http.endpoint, spare).await?.secured(
                    &format!("{owner}: protocols: http"),
                    http.tls.as_ref(),
                    &[H2, HTTP_1_1],
                )?,
                http.clone(),
            )),
            None => None,
        };
        let warned = Arc::new(Warned::new(id.to_string()));
        Ok(Self { grpc, http, warned })
    }

    /// The address that gRPC is served at, with the port that was found where 0 was asked for.
    pub fn grpc_address(&self) -> Option<SocketAddr> {
        self.grpc.as_ref().map(|(bound, _)| bound.address)
    }

    /// The address that HTTP is served at.
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|(bound, _)| bound.address)
    }

    /// Serves until `shutdown`, then takes no more connections and finishes the requests in flight, for `grace` at most.
    /// Returns how many connections were cut off after that.
    pub async fn serve(
        self,
        intake: Arc<dyn RequestIntake>,
        shutdown: CancellationToken,
        grace: Duration,
    ) -> usize {
        let grpc = async {
            let Some((bound, settings)) = self.grpc else {
                return 0;
            };
            let limits = limits::of_grpc(&settings);
            let (intake, warned) = (Arc::clone(&intake), Arc::clone(&self.warned));
            let service = grpc::ExportService::new(intake, Arc::new(settings), warned);
            let protocol = Protocol::Grpc;
            serve(bound, protocol, limits, service, &shutdown, grace).await
        };
        let http = async {
            let Some((bound, settings)) = self.http else {
                return 0;
            };
            let warned = Arc::clone(&self.warned);
            let limits = limits::of_http(&settings);
            let service = http::Endpoint::new(Arc::clone(&intake), settings, warned);
            let protocol = Protocol::Http;
            serve(bound, protocol, limits, service, &shutdown, grace).await
        };
        let (grpc, http) = tokio::join!(grpc, http);
        grpc + http
    }
}
