//! Real sockets, real clients.

mod grpc;
mod http;
mod lifecycle;
mod settings;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::otlp::OtlpReceiver;
use super::{Accepting, Received, RequestIntake};
use crate::memory::{Budget, Reservation};
use crate::receive::otlp::config::{GrpcServer, HttpServer, OtlpConfig};
use crate::refusal::Refusal;
use spanmill_manifest::ComponentId;
use spanmill_model::Signal;
use spanmill_net::Spare;

const LIMIT: usize = 256 * 1024;

/// Takes everything, or refuses everything.
struct Recorder {
    taken: Mutex<Vec<Bytes>>,
    signals: Mutex<Vec<Signal>>,
    refusal: Option<Refusal>,
    /// A request is answered once it gets one of these.
    turns: Semaphore,
    arrived: Semaphore,
    budget: Budget,
}

impl Recorder {
    fn new(refusal: Option<Refusal>) -> Arc<Self> {
        Arc::new(Self {
            taken: Mutex::default(),
            signals: Mutex::default(),
            refusal,
            turns: Semaphore::new(1000),
            arrived: Semaphore::new(0),
            budget: Budget::new(64 << 20),
        })
    }

    fn taken(&self) -> Vec<Bytes> {
        self.taken.lock().unwrap().clone()
    }
}

impl RequestIntake for Recorder {
    /// No pipeline takes metrics.
    fn takes(&self, signal: Signal) -> bool {
        signal != Signal::Metrics
    }

    fn admit(&self, _: Signal) -> Result<Reservation, Refusal> {
        Ok(self.budget.nothing())
    }

    fn no_room(&self) -> Refusal {
        Refusal::Overloaded {
            retry_after: Duration::from_secs(1),
        }
    }

    fn accept(&self, request: Received) -> Accepting<'_> {
        Box::pin(async move {
            self.arrived.add_permits(1);
            self.turns.acquire().await.unwrap().forget();
            self.taken.lock().unwrap().push(request.bytes);
            self.signals.lock().unwrap().push(request.signal);
            self.refusal.clone().map_or(Ok(()), Err)
        })
    }
}

struct Server {
    grpc: String,
    http: String,
    recorder: Arc<Recorder>,
    shutdown: CancellationToken,
    task: JoinHandle<usize>,
}

impl Server {
    async fn start(recorder: Arc<Recorder>) -> Self {
        Self::start_as(recorder, &both("localhost:0")).await
    }

    async fn start_as(recorder: Arc<Recorder>, config: &OtlpConfig) -> Self {
        let receiver = OtlpReceiver::bind(&id(), config, &mut Spare::default())
            .await
            .unwrap();
        let grpc = format!("http://{}", receiver.grpc_address().unwrap());
        let http = format!("http://{}", receiver.http_address().unwrap());
        let shutdown = CancellationToken::new();
        let serve = receiver.serve(recorder.clone(), shutdown.clone(), Duration::from_secs(10));
        let task = tokio::spawn(serve);
        Self {
            grpc,
            http,
            recorder,
            shutdown,
            task,
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        assert_eq!(self.task.await.unwrap(), 0);
    }
}

fn id() -> ComponentId {
    ComponentId::parse("otlp/test").unwrap()
}

fn both(endpoint: &str) -> OtlpConfig {
    OtlpConfig {
        grpc: Some(GrpcServer {
            endpoint: endpoint.to_owned(),
            max_message_bytes: LIMIT,
            ..GrpcServer::default()
        }),
        http: Some(HttpServer {
            endpoint: endpoint.to_owned(),
            max_body_bytes: LIMIT,
            ..HttpServer::default()
        }),
    }
}

/// An encoded request with one span.
fn request(name: &str) -> Bytes {
    let span = Span {
        name: name.to_owned(),
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans {
        spans: vec![span],
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    Bytes::from(ExportTraceServiceRequest { resource_spans }.encode_to_vec())
}
