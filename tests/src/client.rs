//! Senders without an SDK, which can send anything at all.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use crate::codec::Raw;
use crate::within;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// An answer over HTTP.
#[derive(Debug)]
pub struct HttpReply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl HttpReply {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

/// One request over a connection of its own. The answer is read even if the other side takes only a part
/// of the body.
pub async fn http(
    address: SocketAddr,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> HttpReply {
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", address.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).unwrap();
    within("an answer over HTTP", async {
        let stream = TcpStream::connect(address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        connection.abort();
        HttpReply {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    })
    .await
}

/// As [`post`], where the other side may well hang up; gives the status.
pub async fn try_post(
    address: SocketAddr,
    content_type: &str,
    body: Bytes,
) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    try_post_with(address, &[("content-type", content_type)], body).await
}

/// The same with other headers.
pub async fn try_post_with(
    address: SocketAddr,
    headers: &[(&str, &str)],
    body: Bytes,
) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri("/v1/traces")
        .header("host", address.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body))?;
    exchange(TcpStream::connect(address).await?, request).await
}

/// As [`try_post`], over TLS.
pub async fn try_post_over_tls(
    address: SocketAddr,
    tls: Arc<ClientConfig>,
    content_type: &str,
    body: Bytes,
) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/v1/traces")
        .header("host", address.to_string())
        .header("content-type", content_type)
        .body(Full::new(body))?;
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into()?;
    let stream = TlsConnector::from(tls).connect(name, stream).await?;
    exchange(stream, request).await
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<StatusCode, Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answered = sender.send_request(request).await;
    let status = answered.map(|response| response.status());
    connection.abort();
    Ok(status?)
}

/// A call over gRPC that never ends: begins with this much of its body, on a connection of its own. It goes on until what
/// is returned is dropped.
pub async fn unfinished(address: SocketAddr, body: Bytes) -> tokio::task::JoinSet<()> {
    let mut tasks = tokio::task::JoinSet::new();
    let stream = within("a connection", TcpStream::connect(address))
        .await
        .unwrap();
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(stream))
            .await
            .unwrap();
    tasks.spawn(async move {
        // Ends badly when the other side has had enough.
        let _ = connection.await;
    });
    let request = Request::post(format!("http://{address}{EXPORT}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Unfinished(Some(body)))
        .unwrap();
    tasks.spawn(async move {
        let _ = sender.send_request(request).await;
        std::future::pending::<()>().await;
    });
    tasks
}

/// A body that does not end.
struct Unfinished(Option<Bytes>);

impl hyper::body::Body for Unfinished {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, Self::Error>>> {
        match self.0.take() {
            Some(body) => std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(body)))),
            None => std::task::Poll::Pending,
        }
    }
}

/// `POST /v1/traces` with a content type.
pub async fn post(address: SocketAddr, content_type: &str, body: impl Into<Bytes>) -> HttpReply {
    let headers = [("content-type", content_type)];
    http(address, Method::POST, "/v1/traces", &headers, body).await
}

/// A request to the admin API, which must go well; gives its JSON.
///
/// # Panics
///
/// If it does not.
pub async fn admin(
    address: SocketAddr,
    method: Method,
    path: &str,
    wasm: impl Into<Bytes>,
) -> serde_json::Value {
    let authorization = format!("Bearer {}", crate::admin_token(address));
    let headers = [
        ("content-type", "application/wasm"),
        ("authorization", authorization.as_str()),
    ];
    let reply = http(address, method, path, &headers, wasm).await;
    assert!(reply.status.is_success(), "{path}: {}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

/// `GET`, asking for OpenMetrics or not.
pub async fn get(address: SocketAddr, path: &str, open_metrics: bool) -> HttpReply {
    let accept = match open_metrics {
        true => "application/openmetrics-text; version=1.0.0",
        false => "*/*",
    };
    http(address, Method::GET, path, &[("accept", accept)], "").await
}

/// Sends over gRPC. Clones share a connection.
#[derive(Clone)]
pub struct GrpcSender {
    channel: Channel,
    compression: Option<CompressionEncoding>,
    metadata: MetadataMap,
}

impl GrpcSender {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Self {
        Self::to(Endpoint::from_shared(format!("http://{address}")).unwrap()).await
    }

    /// Connects from one of the machine's addresses.
    pub async fn connect_from(from: IpAddr, address: SocketAddr) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        Self::to(endpoint.local_address(Some(from))).await
    }

    async fn to(endpoint: Endpoint) -> Self {
        let channel = within("a gRPC connection", endpoint.connect())
            .await
            .unwrap();
        GrpcSender {
            channel,
            compression: None,
            metadata: MetadataMap::new(),
        }
    }

    /// Compresses what it sends.
    #[must_use]
    pub fn compressed(mut self, compression: CompressionEncoding) -> Self {
        self.compression = Some(compression);
        self
    }

    /// Sends a header with every call.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.metadata.insert(name, value.parse().unwrap());
        self
    }

    /// Sends bytes as the one message of a call of `method`.
    pub async fn call(&self, method: &'static str, message: Bytes) -> Result<(), Status> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone());
        if let Some(compression) = self.compression {
            grpc = grpc.send_compressed(compression);
        }
        within("an answer over gRPC", async {
            grpc.ready()
                .await
                .map_err(|error| Status::new(Code::Unknown, error.to_string()))?;
            let path = PathAndQuery::from_static(method);
            let mut request = tonic::Request::new(message);
            *request.metadata_mut() = self.metadata.clone();
            grpc.unary(request, path, Raw).await.map(|_| ())
        })
        .await
    }

    /// Sends bytes as an export request of logs.
    pub async fn send_logs(&self, message: impl Into<Bytes>) -> Result<(), Status> {
        let method = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
        self.call(method, message.into()).await
    }

    /// Sends bytes as an export request of metrics.
    pub async fn send_metrics(&self, message: impl Into<Bytes>) -> Result<(), Status> {
        let method = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
        self.call(method, message.into()).await
    }

    /// Sends bytes as an export request of traces.
    pub async fn send_bytes(&self, message: impl Into<Bytes>) -> Result<(), Status> {
        self.call(EXPORT, message.into()).await
    }

    /// Sends an export request.
    pub async fn send(&self, request: &ExportTraceServiceRequest) -> Result<(), Status> {
        self.send_bytes(request.encode_to_vec()).await
    }
}
