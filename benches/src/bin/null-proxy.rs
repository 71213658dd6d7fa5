//! The least that any processor of OTLP over gRPC does: takes each request as bytes, sends it on, and answers.
//!
//! `null-proxy LISTEN BACKEND`, both `host:port`.

use std::convert::Infallible;
use std::pin::Pin;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::uri::PathAndQuery;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use spanmill_benches::compare::endpoints::MAX_MESSAGE;
use spanmill_net::RawCodec;
use tokio::net::TcpListener;
use tonic::Status;
use tonic::server::{Grpc, UnaryService};
use tonic::transport::{Channel, Endpoint};

// As Spanmill does, so that allocators are not what is compared.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const WINDOW: u32 = 8 << 20;

/// Sends a request on to the method that it came for.
struct Forward(Channel, PathAndQuery);

impl UnaryService<Bytes> for Forward {
    type Response = Bytes;
    type Future =
        Pin<Box<dyn Future<Output = Result<tonic::Response<Bytes>, Status>> + Send + 'static>>;

    fn call(&mut self, request: tonic::Request<Bytes>) -> Self::Future {
        let mut client = tonic::client::Grpc::new(self.0.clone());
        let path = self.1.clone();
        Box::pin(async move {
            let ready = client.ready().await;
            ready.map_err(|error| Status::unavailable(error.to_string()))?;
            let request = tonic::Request::new(request.into_inner());
            let answer = client.unary(request, path, RawCodec).await?;
            Ok(tonic::Response::new(answer.into_inner()))
        })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let listen = arguments.next().context("where to listen?")?;
    let backend = arguments.next().context("where to send?")?;
    let channel = Endpoint::from_shared(format!("http://{backend}"))?
        .tcp_nodelay(true)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .connect_lazy();
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let channel = channel.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let path = request.uri().path_and_query();
                let path = path.cloned().unwrap_or(PathAndQuery::from_static("/"));
                let forward = Forward(channel.clone(), path);
                let mut grpc = Grpc::new(RawCodec).max_decoding_message_size(MAX_MESSAGE);
                async move { Ok::<_, Infallible>(grpc.unary(forward, request).await) }
            });
            let mut builder = Builder::new(TokioExecutor::new());
            builder
                .http2()
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW);
            // What is lost with a connection is missed at the other end.
            let _ = builder
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}
