//! Where contestants export to: takes OTLP over gRPC and HTTP on one port, counts spans, log
//! records and data points, and keeps requests if it is told to.

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
use spanmill_net::RawCodec;
use spanmill_otlp::Signal;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, UnaryService};

use super::batches::items_in;
use super::endpoints::{MAX_MESSAGE, signal};

const WINDOW: u32 = 8 << 20;

#[derive(Default)]
struct Shared {
    traces: OfSignal,
    logs: OfSignal,
    metrics: OfSignal,
    unreadable: AtomicU64,
    keeps: AtomicBool,
}

/// What came of one signal.
#[derive(Default)]
struct OfSignal {
    items: AtomicU64,
    requests: Mutex<Vec<Bytes>>,
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

    /// Spans, log records or data points received so far.
    pub fn items(&self, signal: Signal) -> u64 {
        self.shared.of(signal).items.load(SeqCst)
    }

    /// Waits until so many of them have come in all, and makes sure that there are no more than that.
    ///
    /// # Errors
    ///
    /// If fewer or more come, or anything that is not OTLP.
    pub async fn expect(&self, signal: Signal, items: u64) -> Result<()> {
        let began = Instant::now();
        while self.items(signal) < items && began.elapsed() < Duration::from_secs(20) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        ensure!(
            self.items(signal) == items,
            "{} {} arrived, {items} should have",
            self.items(signal),
            signal.items()
        );
        let unreadable = self.shared.unreadable.load(SeqCst);
        ensure!(unreadable == 0, "{unreadable} requests are not OTLP");
        Ok(())
    }

    /// The requests of a signal that were kept.
    pub fn requests(&self, signal: Signal) -> Vec<Bytes> {
        locked(&self.shared.of(signal).requests).clone()
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
    let signal = signal(request.uri().path());
    let of_grpc = request
        .headers()
        .get("content-type")
        .is_some_and(|format| format.as_bytes().starts_with(b"application/grpc"));
    if of_grpc {
        let mut grpc = Grpc::new(RawCodec)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd)
            .max_decoding_message_size(MAX_MESSAGE);
        return grpc.unary(Take { shared, signal }, request).await;
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
            shared.take(signal, body);
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
    fn of(&self, signal: Signal) -> &OfSignal {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Logs => &self.logs,
            Signal::Metrics => &self.metrics,
        }
    }

    fn take(&self, signal: Option<Signal>, body: Bytes) {
        let counted = signal.and_then(|signal| Some((signal, items_in(signal, &body)?)));
        let Some((signal, items)) = counted else {
            self.unreadable.fetch_add(1, SeqCst);
            return;
        };
        let of_signal = self.of(signal);
        if self.keeps.load(SeqCst) {
            locked(&of_signal.requests).push(body);
        }
        of_signal.items.fetch_add(items, SeqCst);
    }
}

struct Take {
    shared: Arc<Shared>,
    signal: Option<Signal>,
}

impl UnaryService<Bytes> for Take {
    type Response = Bytes;
    type Future =
        Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send + 'static>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        self.shared.take(self.signal, request.into_inner());
        Box::pin(async { Ok(tonic::Response::new(Bytes::new())) })
    }
}
