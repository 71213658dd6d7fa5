//! A backend that counts spans and keeps none: for tests that send more than fits into memory.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Takes OTLP over HTTP. Spans are known by their ids, which count up from 1.
pub struct CountingBackend {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    accepting: AbortHandle,
}

#[derive(Default)]
struct Seen {
    /// A bit for each id.
    ids: Vec<u64>,
    spans: u64,
    doubled: u64,
}

impl Drop for CountingBackend {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl CountingBackend {
    /// One on a free port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&seen))).abort_handle();
        CountingBackend {
            address,
            seen,
            accepting,
        }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// How many spans have come, and how many of them had come before.
    pub fn counted(&self) -> (u64, u64) {
        let seen = self.seen.lock().unwrap();
        (seen.spans, seen.doubled)
    }
}

async fn accept(listener: TcpListener, seen: Arc<Mutex<Seen>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let seen = Arc::clone(&seen);
        let service = service_fn(move |request: Request<Incoming>| {
            let seen = Arc::clone(&seen);
            async move {
                let body = request.into_body().collect().await.unwrap().to_bytes();
                count(&body, &seen);
                Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new()))
            }
        });
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            // A client that goes away is no concern of the server's.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn count(body: &Bytes, seen: &Mutex<Seen>) {
    let request = ExportTraceServiceRequest::decode(body.clone()).unwrap();
    let scopes = request.resource_spans.iter().flat_map(|it| &it.scope_spans);
    let mut seen = seen.lock().unwrap();
    for span in scopes.flat_map(|scope| &scope.spans) {
        let id = u64::from_be_bytes(span.span_id.as_slice().try_into().unwrap());
        let (word, bit) = ((id / 64) as usize, 1 << (id % 64));
        if seen.ids.len() <= word {
            seen.ids.resize(2 * word + 1, 0);
        }
        seen.doubled += u64::from(seen.ids[word] & bit != 0);
        seen.ids[word] |= bit;
        seen.spans += 1;
    }
}
