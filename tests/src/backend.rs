//! A backend that takes OTLP over gRPC and HTTP on one port, and keeps what it got. It refuses and stalls
//! as it is told to.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use prost::Message as _;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, UnaryService};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::arrivals::Arrivals;
use crate::codec::Raw;
use crate::received::Received;
use crate::spans::{Found, flatten};
use crate::within;

/// How the backend answers a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Takes it.
    Take,
    /// UNAVAILABLE, or 503: send it again.
    Unavailable,
    /// INVALID_ARGUMENT, or 400: do not.
    Invalid,
    /// Takes it, and says that it rejects so many spans of it.
    Partial(u32),
    /// Says something else.
    Refuse(Refusal),
}

/// Another way to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Over gRPC.
    pub code: Code,
    /// Over HTTP.
    pub status: u16,
    /// What it says.
    pub text: &'static str,
    /// RetryInfo or Retry-After, in seconds.
    pub retry_after: Option<u64>,
}

type Policy = Box<dyn FnMut(usize) -> Answer + Send>;

struct Shared {
    taken: watch::Sender<Vec<Received>>,
    /// Requests seen, refused ones as well.
    seen: watch::Sender<usize>,
    policy: Mutex<Policy>,
    /// False: requests wait.
    open: watch::Sender<bool>,
}

/// The backend; ends with its last clone's drop.
pub struct Backend {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: AbortHandle,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Backend {
    /// One that takes everything, on a free port.
    pub async fn start() -> Self {
        Self::listen(None).await
    }

    /// One that speaks TLS.
    pub async fn start_tls(mut config: ServerConfig) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::listen(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn listen(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            taken: watch::Sender::new(Vec::new()),
            seen: watch::Sender::new(0),
            policy: Mutex::new(Box::new(|_| Answer::Take)),
            open: watch::Sender::new(true),
        });
        let accepting = tokio::spawn(accept(listener, tls, Arc::clone(&shared))).abort_handle();
        Backend {
            shared,
            address,
            accepting,
        }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// From now on answers the n-th request, from 1, as `policy` says.
    pub fn answer(&self, policy: impl FnMut(usize) -> Answer + Send + 'static) {
        *self.policy() = Box::new(policy);
    }

    fn policy(&self) -> MutexGuard<'_, Policy> {
        self.shared.policy.lock().unwrap()
    }

    /// Lets requests wait (`false`) or go on.
    pub fn open(&self, open: bool) {
        self.shared.open.send_replace(open);
    }

    /// Waits until so many requests have come, refused ones and waiting ones included.
    pub async fn seen(&self, requests: usize) {
        let mut seen = self.shared.seen.subscribe();
        within("requests at the backend", async {
            seen.wait_for(|seen| *seen >= requests).await.unwrap();
        })
        .await;
    }

    /// How many requests have come so far.
    pub fn seen_so_far(&self) -> usize {
        *self.shared.seen.borrow()
    }

    /// Everything taken so far.
    pub fn taken(&self) -> Vec<Received> {
        self.shared.taken.borrow().clone()
    }

    /// The trace requests taken so far.
    pub fn traces(&self) -> Vec<ExportTraceServiceRequest> {
        traces(&self.shared.taken.borrow())
    }

    /// The metric requests taken so far.
    pub fn metrics(&self) -> Vec<ExportMetricsServiceRequest> {
        let taken = self.shared.taken.borrow();
        let metrics = taken.iter().filter(|one| one.path.contains("etrics"));
        metrics
            .map(|one| ExportMetricsServiceRequest::decode(one.body.clone()).unwrap())
            .collect()
    }

    /// What all series of `calls` add up to in the last metrics taken.
    pub fn calls(&self) -> i64 {
        let metrics = self.metrics();
        let last = metrics.last().expect("metrics");
        let metrics = last.resource_metrics.iter().flat_map(|r| &r.scope_metrics);
        let sums = metrics
            .flat_map(|s| &s.metrics)
            .filter_map(|metric| match &metric.data {
                Some(Data::Sum(sum)) => Some(&sum.data_points),
                _ => None,
            });
        sums.flatten()
            .map(|point| match point.value {
                Some(Value::AsInt(value)) => value,
                ref other => panic!("{other:?}"),
            })
            .sum()
    }

    /// Waits for at least so many spans, and gives all there are.
    pub async fn spans(&self, spans: usize) -> Vec<Found> {
        let mut taken = self.shared.taken.subscribe();
        let what = format!("{spans} spans at the backend");
        within(&what, async {
            let enough = |taken: &Vec<Received>| flatten(&traces(taken)).len() >= spans;
            flatten(&traces(&taken.wait_for(enough).await.unwrap()))
        })
        .await
    }

    /// Waits until what was taken is enough, and returns all of it.
    pub async fn arrivals_until(&self, what: &str, enough: impl Fn(&Arrivals) -> bool) -> Arrivals {
        let mut taken = self.shared.taken.subscribe();
        let enough = |taken: &Vec<Received>| enough(&Arrivals::of(taken));
        within(&format!("{what} at the backend"), async {
            Arrivals::of(&taken.wait_for(enough).await.unwrap())
        })
        .await
    }

    /// Waits for at least so many requests that were taken, and gives all there are.
    pub async fn requests(&self, requests: usize) -> Vec<Received> {
        let mut taken = self.shared.taken.subscribe();
        within("requests taken by the backend", async {
            let enough = |taken: &Vec<Received>| taken.len() >= requests;
            taken.wait_for(enough).await.unwrap().clone()
        })
        .await
    }
}

fn traces(taken: &[Received]) -> Vec<ExportTraceServiceRequest> {
    let traces = taken.iter().filter(|one| one.path.contains("race"));
    traces
        .map(|one| match one.headers.get("content-type") {
            Some(format) if format == "application/json" => {
                serde_json::from_slice(&one.body).unwrap()
            }
            _ => ExportTraceServiceRequest::decode(one.body.clone()).unwrap(),
        })
        .collect()
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let shared = Arc::clone(&shared);
                async move { Ok::<_, Infallible>(serve(request, shared).await) }
            });
            let builder = Builder::new(TokioExecutor::new());
            // A connection that ends badly shows in what was not received.
            let Some(tls) = tls else {
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
                return;
            };
            match tls.accept(stream).into_fallible().await {
                Ok(stream) => {
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                }
                // Closed with something unread, the connection would be reset, and the alert lost.
                Err((_, mut stream)) => {
                    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                }
            }
        });
    }
}

async fn serve(request: Request<Incoming>, shared: Arc<Shared>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let headers = request.headers().clone();
    let of_grpc = headers
        .get("content-type")
        .is_some_and(|format| format.as_bytes().starts_with(b"application/grpc"));
    if of_grpc {
        let mut grpc = Grpc::new(Raw)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd)
            .max_decoding_message_size(256 * 1024 * 1024);
        let export = Export {
            shared,
            path,
            headers,
        };
        return grpc.unary(export, request).await;
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let body = match headers.get("content-encoding").map(|v| v.as_bytes()) {
        Some(b"gzip") => decoded(flate2::read::GzDecoder::new(body.as_ref())),
        Some(b"zstd") => decoded(zstd::Decoder::new(body.as_ref()).unwrap()),
        _ => body,
    };
    let mut body_out = Bytes::new();
    let mut retry_after = None;
    let status = match shared
        .take(Received {
            path,
            headers,
            body,
        })
        .await
    {
        Answer::Take => StatusCode::OK,
        Answer::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Answer::Invalid => StatusCode::BAD_REQUEST,
        Answer::Partial(rejected) => {
            body_out = partial(rejected);
            StatusCode::OK
        }
        Answer::Refuse(refusal) => {
            body_out = Bytes::from_static(refusal.text.as_bytes());
            retry_after = refusal.retry_after;
            StatusCode::from_u16(refusal.status).unwrap()
        }
    };
    let mut response = Response::new(Body::new(Full::new(body_out)));
    *response.status_mut() = status;
    if let Some(seconds) = retry_after {
        let headers = response.headers_mut();
        headers.insert("retry-after", seconds.into());
    }
    response
}

/// An answer that rejects some of a batch.
fn partial(rejected: u32) -> Bytes {
    let partial = ExportTracePartialSuccess {
        rejected_spans: rejected.into(),
        error_message: "too old".to_owned(),
    };
    let response = ExportTraceServiceResponse {
        partial_success: Some(partial),
    };
    response.encode_to_vec().into()
}

fn decoded(mut reader: impl std::io::Read) -> Bytes {
    let mut body = Vec::new();
    reader.read_to_end(&mut body).unwrap();
    body.into()
}

impl Shared {
    async fn take(&self, received: Received) -> Answer {
        let mut number = 0;
        self.seen.send_modify(|seen| {
            *seen += 1;
            number = *seen;
        });
        // Fails only if the backend is gone.
        let _ = self.open.subscribe().wait_for(|open| *open).await;
        let answer = (self.policy.lock().unwrap())(number);
        if matches!(answer, Answer::Take | Answer::Partial(_)) {
            self.taken.send_modify(|taken| taken.push(received));
        }
        answer
    }
}

struct Export {
    shared: Arc<Shared>,
    path: String,
    headers: HeaderMap,
}

impl UnaryService<Bytes> for Export {
    type Response = Bytes;
    type Future = std::pin::Pin<
        Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send + 'static>,
    >;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let shared = Arc::clone(&self.shared);
        let received = Received {
            path: self.path.clone(),
            headers: self.headers.clone(),
            body: request.into_inner(),
        };
        Box::pin(async move {
            match shared.take(received).await {
                Answer::Take => Ok(tonic::Response::new(Bytes::new())),
                Answer::Unavailable => Err(Status::new(Code::Unavailable, "not now")),
                Answer::Invalid => Err(Status::new(Code::InvalidArgument, "not ever")),
                Answer::Partial(rejected) => Ok(tonic::Response::new(partial(rejected))),
                Answer::Refuse(refusal) => Err(match refusal.retry_after {
                    Some(seconds) => {
                        let delay = std::time::Duration::from_secs(seconds);
                        let details = ErrorDetails::with_retry_info(Some(delay));
                        Status::with_error_details(refusal.code, refusal.text, details)
                    }
                    None => Status::new(refusal.code, refusal.text),
                }),
            }
        })
    }
}
