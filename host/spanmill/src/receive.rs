//! OTLP receivers: gRPC and HTTP in, encoded requests out.
//!
//! A request stays the bytes it came as (JSON is encoded first); nothing here looks inside. What becomes of it is the
//! [`RequestIntake`]'s business; its answer is carried back in the words of the OTLP specification
//! (<https://opentelemetry.io/docs/specs/otlp/>). Left out: TLS and authentication.

pub(crate) mod bind;
mod body;
pub(crate) mod connections;
mod cors;
mod grpc;
mod http;
mod method;
pub(crate) mod raw_codec;
mod reads;
mod status;
#[cfg(test)]
mod tests;
mod unserved;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::config::{self, ComponentId, Signal};
use crate::memory::Reservation;
use crate::refusal::Refusal;

use bind::Bound;
pub use bind::{BindError, Spare};
use connections::ConnectionLimits;
pub(crate) use method::export_method;
use unserved::Warned;

/// An encoded `ExportTraceServiceRequest`, or the same of logs or metrics, whose framing nobody has checked yet.
#[derive(Debug)]
pub struct Received {
    /// What it carries.
    pub signal: Signal,
    /// The request.
    pub bytes: Bytes,
    /// The memory that is reserved for it: as much as it has bytes, at least.
    pub memory: Reservation,
}

/// Where what is received goes.
pub trait RequestIntake: Send + Sync + 'static {
    /// Whether a pipeline takes a signal from this receiver.
    fn takes(&self, signal: Signal) -> bool;

    /// Whether a request may come in at the moment. The reservation is to grow with each byte that is read of it.
    fn admit(&self, signal: Signal) -> Result<Reservation, Refusal>;

    /// What to answer if the reservation cannot grow.
    fn no_room(&self) -> Refusal;

    /// Takes a request. `Ok` is the promise that the sender need not send it again.
    ///
    /// A call may be dropped before it is done, when the sender hangs up: what must not be lost then belongs into a task.
    fn accept(&self, request: Received) -> impl Future<Output = Result<(), Refusal>> + Send;
}

/// An `otlp` receiver whose sockets are open and not served yet.
#[derive(Debug)]
pub struct OtlpReceiver {
    grpc: Option<(Bound, config::GrpcServer)>,
    http: Option<(Bound, config::HttpServer)>,
    warned: Arc<Warned>,
}

impl OtlpReceiver {
    /// Opens the sockets, so that a port that is taken is known before anything runs.
    /// Those in `spare` are taken over.
    pub async fn bind(
        id: &ComponentId,
        config: &config::OtlpReceiver,
        spare: &mut Spare,
    ) -> Result<Self, BindError> {
        let grpc = match &config.grpc {
            Some(grpc) => Some((
                bind::bind("receiver", id, &grpc.endpoint, spare).await?,
                grpc.clone(),
            )),
            None => None,
        };
        let http = match &config.http {
            Some(http) => Some((
                bind::bind("receiver", id, &http.endpoint, spare).await?,
                http.clone(),
            )),
            None => None,
        };
        let warned = Arc::new(Warned::new(id.to_string()));
        Ok(Self { grpc, http, warned })
    }

    /// Second handles of its sockets, by endpoint, for a receiver that takes them over.
    pub fn handles(&self) -> Vec<(String, std::net::TcpListener)> {
        let grpc = self.grpc.iter().map(|(bound, _)| bound);
        let http = self.http.iter().map(|(bound, _)| bound);
        grpc.chain(http).filter_map(Bound::handle).collect()
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
    pub async fn serve<I: RequestIntake>(
        self,
        intake: Arc<I>,
        shutdown: CancellationToken,
        grace: Duration,
    ) -> usize {
        let grpc = async {
            let Some((bound, settings)) = self.grpc else {
                return 0;
            };
            let limit = settings.max_message_bytes;
            let service =
                grpc::ExportService::new(Arc::clone(&intake), limit, Arc::clone(&self.warned));
            let protocol = connections::Protocol::Grpc;
            connections::serve(
                bound.listener,
                protocol,
                ConnectionLimits::of_grpc(&settings),
                service,
                &shutdown,
                grace,
            )
            .await
        };
        let http = async {
            let Some((bound, settings)) = self.http else {
                return 0;
            };
            let warned = Arc::clone(&self.warned);
            let limits = ConnectionLimits::of_http(&settings);
            let service = http::Endpoint::new(Arc::clone(&intake), settings, warned);
            let protocol = connections::Protocol::Http;
            connections::serve(bound.listener, protocol, limits, service, &shutdown, grace).await
        };
        let (grpc, http) = tokio::join!(grpc, http);
        grpc + http
    }
}
