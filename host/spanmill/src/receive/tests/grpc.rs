//! OTLP over gRPC.

use std::time::Duration;

use bytes::Bytes;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::{LIMIT, Recorder, Server, request};
use crate::refusal::Refusal;
use spanmill_net::RawCodec;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

async fn call(
    server: &Server,
    compression: Option<CompressionEncoding>,
    path: &'static str,
    body: Bytes,
) -> Result<Bytes, Status> {
    let channel: Channel = Endpoint::from_shared(server.grpc.clone())
        .unwrap()
        .connect_lazy();
    let mut client = Grpc::new(channel);
    if let Some(compression) = compression {
        client = client.send_compressed(compression);
    }
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(path);
    let response = client.unary(Request::new(body), path, RawCodec).await?;
    Ok(response.into_inner())
}

#[tokio::test]
async fn bytes_arrive_as_they_were_sent() {
    let server = Server::start(Recorder::new(None)).await;
    let body = request("a");
    for compression in [
        None,
        Some(CompressionEncoding::Gzip),
        Some(CompressionEncoding::Zstd),
    ] {
        let answer = call(&server, compression, EXPORT, body.clone())
            .await
            .unwrap();
        assert!(answer.is_empty());
    }
    assert_eq!(server.recorder.taken(), vec![body; 3]);
    server.stop().await;
}

#[tokio::test]
async fn too_large_is_resource_exhausted() {
    let server = Server::start(Recorder::new(None)).await;
    let body = Bytes::from(vec![0; LIMIT + 1]);
    for compression in [
        None,
        Some(CompressionEncoding::Gzip),
        Some(CompressionEncoding::Zstd),
    ] {
        let status = call(&server, compression, EXPORT, body.clone())
            .await
            .unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        assert!(status.get_details_retry_info().is_none());
    }
    let just_enough = Bytes::from(vec![0; LIMIT]);
    call(&server, None, EXPORT, just_enough).await.unwrap();
    server.stop().await;
}

#[tokio::test]
async fn unknown_methods_are_unimplemented() {
    let server = Server::start(Recorder::new(None)).await;
    for path in [
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/",
    ] {
        let status = call(&server, None, path, request("a")).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
    }
    assert!(server.recorder.taken().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn refusals_are_statuses() {
    let retry_after = Duration::from_millis(1500);
    let cases = [
        (
            Refusal::Malformed("truncated".into()),
            Code::InvalidArgument,
            None,
        ),
        (
            Refusal::Overloaded { retry_after },
            Code::ResourceExhausted,
            Some(retry_after),
        ),
        (
            Refusal::Unavailable { retry_after },
            Code::Unavailable,
            Some(retry_after),
        ),
        (Refusal::Internal("a bug".into()), Code::Internal, None),
    ];
    for (refusal, code, delay) in cases {
        let server = Server::start(Recorder::new(Some(refusal))).await;
        let status = call(&server, None, EXPORT, request("a")).await.unwrap_err();
        assert_eq!(status.code(), code);
        let info = status.get_details_retry_info();
        assert_eq!(info.and_then(|info| info.retry_delay), delay);
        server.stop().await;
    }
}
