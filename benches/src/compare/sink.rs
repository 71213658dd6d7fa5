//! Where contestants export to: takes OTLP over gRPC and HTTP on one port, counts spans, and keeps what it is told to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, UnaryService};

use super::batches::spans_in;
use super::codec::{MAX_MESSAGE, Raw};

const WINDOW: u32 = 8 << 20;

#[derive(Default)]
struct Shared {
    spans: AtomicU64,
    unreadable: AtomicU64,
    keeps: AtomicBool,
    traces: Mutex<Vec<Bytes>>,
    metrics: Mutex<Vec<Bytes>>,
}

/// A sink; ends when dropped.
pub struct Sink {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    accepting: AbortHandle,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Sink {
    /// On a free port; `keeps` what it gets if asked to, otherwise only counts.
    pub async fn start(keeps: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        shared.keeps.store(keeps, SeqCst);
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared))).abort_handle();
        Ok(Sink {
            address,
            shared,
            accepting,
        })
    }

    /// Spans received so far.
    pub fn spans(&self) -> u64 {
        self.shared.spans.load(SeqCst)
    }

    /// Waits until so many spans have come in all, and makes sure that there are no more than that.
    pub async fn expect(&self, spans: u64) -> Result<()> {
        let began = Instant::now();
        while self.spans() < spans && began.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        ensure!(
            self.spans() == spans,
            "{} spans arrived, {spans} should have",
            self.spans()
        );
        let unreadable = self.shared.unreadable.load(SeqCst);
        ensure!(unreadable == 0, "{unreadable} requests are not OTLP");
        Ok(())
    }

    /// Trace requests kept.
    pub fn traces(&self) -> Vec<Bytes> {
        locked(&self.shared.traces).clone()
    }

    /// Metric requests kept.
    pub fn metrics(&self) -> Vec<Bytes> {
        locked(&self.shared.metrics).clone()
    }
}

fn locked(kept: &Mutex<Vec<Bytes>>) -> std::sync::MutexGuard<'_, Vec<Bytes>> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Small answers must not wait for more to come.
        let _ = stream.set_nodelay(true);
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(answer(request, shared).await) }
            });
            let mut builder = Builder::new(TokioExecutor::new());
            builder
                .http2()
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW);
            // A connection that ends badly shows in what was not received.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Response<Body> {
    let metrics = request.uri().path().contains("etrics");
    let of_grpc = request
        .headers()
        .get("content-type")
        .is_some_and(|format| format.as_bytes().starts_with(b"application/grpc"));
    if of_grpc {
        let mut grpc = Grpc::new(Raw)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd)
            .max_decoding_message_size(MAX_MESSAGE);
        return grpc.unary(Take { shared, metrics }, request).await;
    }
    let zstd = request
        .headers()
        .get("content-encoding")
        .is_some_and(|encoding| encoding == "zstd");
    let taken = match request.into_body().collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            match zstd {
                true => zstd::decode_all(body.as_ref()).map(Bytes::from).ok(),
                false => Some(body),
            }
        }
        Err(_) => None,
    };
    let status = match taken {
        Some(body) => {
            shared.take(metrics, body);
            StatusCode::OK
        }
        None => StatusCode::BAD_REQUEST,
    };
    let mut response = Response::new(Body::new(Full::new(Bytes::new())));
    *response.status_mut() = status;
    response.headers_mut().insert(
        "content-type",
        http::HeaderValue::from_static("application/x-protobuf"),
    );
    response
}

impl Shared {
    fn take(&self, metrics: bool, body: Bytes) {
        let kept = match metrics {
            true => &self.metrics,
            false => {
                match spans_in(&body) {
                    Some(spans) => self.spans.fetch_add(spans, SeqCst),
                    None => self.unreadable.fetch_add(1, SeqCst),
                };
                &self.traces
            }
        };
        if self.keeps.load(SeqCst) {
            locked(kept).push(body);
        }
    }
}

struct Take {
    shared: Arc<Shared>,
    metrics: bool,
}

impl UnaryService<Bytes> for Take {
    type Response = Bytes;
    type Future =
        Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send + 'static>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        self.shared.take(self.metrics, request.into_inner());
        Box::pin(async { Ok(tonic::Response::new(Bytes::new())) })
    }
}
