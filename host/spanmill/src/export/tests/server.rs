//! A server that answers as it is told and remembers what it was sent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::Status;
use tonic::body::Body;

pub struct Seen {
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Seen {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// The message of a gRPC request, and whether it was compressed on the wire.
    pub fn message(&self) -> (bool, Bytes) {
        let compressed = self.body[0] == 1;
        let frame = self.body.slice(5..);
        let message = match (compressed, self.header("grpc-encoding")) {
            (true, "gzip") => gunzip(&frame),
            (true, "zstd") => zstd::decode_all(frame.as_ref()).unwrap().into(),
            _ => frame,
        };
        (compressed, message)
    }
}

pub fn gunzip(bytes: &[u8]) -> Bytes {
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_end(&mut text)
        .unwrap();
    text.into()
}

pub struct Server {
    pub address: SocketAddr,
    state: Arc<State>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Seen>>,
    answers: Mutex<VecDeque<Response<Body>>>,
}

impl Server {
    pub async fn start() -> Self {
        Self::with_tls(None).await
    }

    /// Speaks TLS.
    pub async fn start_tls(mut config: rustls::ServerConfig) -> Self {
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::with_tls(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn with_tls(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let accepting = tokio::spawn(accept(listener, tls, Arc::clone(&state)));
        Self {
            address,
            state,
            accepting,
        }
    }

    /// What to answer next, in order; afterwards everything is taken.
    pub fn answer(&self, answer: Response<Body>) {
        self.state.answers.lock().unwrap().push_back(answer);
    }

    pub fn refuse(&self, status: Status) {
        self.answer(status.into_http());
    }

    /// Answers over HTTP.
    pub fn answer_http(
        &self,
        status: u16,
        header: (&'static str, &'static str),
        body: &'static str,
    ) {
        let body = Body::new(Full::new(Bytes::from_static(body.as_bytes())));
        let builder = Response::builder()
            .status(status)
            .header(header.0, header.1);
        self.answer(builder.body(body).unwrap());
    }

    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.seen.lock().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A gRPC answer that says yes.
pub fn taken(message: &[u8]) -> Response<Body> {
    let mut frame = vec![0];
    frame.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let body = Full::new(Bytes::from(frame)).with_trailers(async { Some(Ok(trailers)) });
    let builder = Response::builder().header("content-type", "application/grpc");
    builder.body(Body::new(body)).unwrap()
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (state, tls) = (Arc::clone(&state), tls.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let state = Arc::clone(&state);
            async move { Ok::<_, Infallible>(answer(&state, request).await) }
        });
        tokio::spawn(async move {
            let builder = Builder::new(TokioExecutor::new());
            // A client that goes away is no concern of the server's.
            match tls {
                Some(tls) => {
                    match tls.accept(stream).into_fallible().await {
                        Ok(stream) => {
                            let stream = TokioIo::new(stream);
                            let _ = builder.serve_connection(stream, service).await;
                        }
                        // Closed with something unread, the connection would be reset, and the alert lost.
                        Err((_, mut stream)) => {
                            let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
                        }
                    }
                }
                None => {
                    let _ = builder
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                }
            }
        });
    }
}

async fn answer(state: &State, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let content_type = parts.headers.get("content-type");
    let grpc = content_type.is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"));
    state.seen.lock().unwrap().push(Seen {
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
        body,
    });
    let next = state.answers.lock().unwrap().pop_front();
    next.unwrap_or_else(|| match grpc {
        true => taken(&[]),
        false => Response::new(Body::empty()),
    })
}
