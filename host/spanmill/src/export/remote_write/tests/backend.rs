//! What is posted, and what comes of the answers.

use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use serde_json::json;
use tonic::Code;

use super::super::{Progress, RemoteWrite};
use super::{config, gauge, request};
use crate::export::remote_write::config::{RemoteWriteConfig, RemoteWriteVersion};
use crate::export::tests::server::Server;
use crate::export::{Export as _, ExportError, ExportResponse, Payload, Signal};
use spanmill_manifest::ComponentId;

/// Three series, each of which is a request of its own, one after the other.
async fn exporter(server: &Server) -> (RemoteWrite, Payload) {
    let config = RemoteWriteConfig {
        url: format!("http://{}/api/v1/write", server.address),
        max_batch_size_bytes: 1,
        max_batch_request_parallelism: 1,
        ..config()
    };
    (start(&config), payload())
}

fn start(config: &RemoteWriteConfig) -> RemoteWrite {
    let id = ComponentId::parse("prometheusremotewrite").unwrap();
    RemoteWrite::new(&id, config).unwrap()
}

fn payload() -> Payload {
    let metrics = json!([gauge(&[("a", 1), ("b", 2), ("c", 3)])]);
    Payload {
        signal: Signal::Metrics,
        bytes: Bytes::from(request(&[], metrics).encode_to_vec()),
        items: 3,
        metadata: Default::default(),
        received_unix_nano: 0,
        trace: Default::default(),
    }
}

#[tokio::test]
async fn an_attempt_posts_what_those_before_did_not_bring_there() {
    let server = Server::start().await;
    let (exporter, payload) = exporter(&server).await;
    let mut progress = Progress::default();
    server.answer_http(200, ("x-a", "b"), "");
    server.answer_http(503, ("retry-after", "7"), "later");
    let first = exporter.go_on(&payload, &mut progress).await;
    let Err(ExportError::Retryable { failure, after }) = first else {
        panic!("{first:?}");
    };
    assert_eq!(after, Some(Duration::from_secs(7)));
    assert_eq!(failure.code, Some(Code::Unavailable));
    assert!(failure.message.contains("later"), "{failure}");
    let second = exporter.go_on(&payload, &mut progress).await;
    assert_eq!(second, Ok(ExportResponse::default()));
    let seen = server.seen();
    let bodies: Vec<&Bytes> = seen.iter().map(|seen| &seen.body).collect();
    assert_eq!(bodies.len(), 4);
    assert_eq!(bodies[1], bodies[2]);
    assert!(bodies[0] != bodies[1] && bodies[2] != bodies[3] && bodies[0] != bodies[3]);
    assert_eq!(seen[0].path, "/api/v1/write");
    for (name, value) in [
        ("content-type", "application/x-protobuf"),
        ("content-encoding", "snappy"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ] {
        assert_eq!(seen[0].header(name), value);
    }
}

#[tokio::test]
async fn what_is_refused_for_good_is_rejected_and_the_rest_goes_on() {
    let server = Server::start().await;
    let (exporter, payload) = exporter(&server).await;
    server.answer_http(400, ("x-a", "b"), "out of order");
    let accepted = exporter.export(&payload).await.unwrap();
    assert_eq!(accepted.rejected, 1);
    assert!(
        accepted
            .remark
            .unwrap()
            .contains("400 Bad Request: out of order")
    );
    assert_eq!(server.seen().len(), 3);
    for _ in 0..3 {
        server.answer_http(400, ("x-a", "b"), "");
    }
    let refused = exporter.export(&payload).await;
    assert!(
        matches!(&refused, Err(ExportError::Permanent(failure)) if failure.code == Some(Code::InvalidArgument)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn too_many_requests_come_again_later() {
    let server = Server::start().await;
    let (exporter, payload) = exporter(&server).await;
    server.answer_http(429, ("retry-after", "3"), "");
    let error = exporter.export(&payload).await;
    assert!(
        matches!(error, Err(ExportError::Retryable { after: Some(after), .. }) if after.as_secs() == 3)
    );
    assert_eq!(server.seen().len(), 1, "no more of them until then");
}

#[tokio::test]
async fn a_receiver_of_version_2_says_what_it_has_written() {
    let server = Server::start().await;
    let config = RemoteWriteConfig {
        url: format!("http://{}", server.address),
        version: RemoteWriteVersion::V2,
        ..config()
    };
    let exporter = start(&config);
    let written = "x-prometheus-remote-write-samples-written";
    server.answer_http(200, (written, "3"), "");
    assert_eq!(
        exporter.export(&payload()).await,
        Ok(ExportResponse::default())
    );
    let seen = server.seen();
    let content_type = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
    assert_eq!(seen[0].header("content-type"), content_type);
    assert_eq!(seen[0].header("x-prometheus-remote-write-version"), "2.0.0");
    server.answer_http(200, (written, "2"), "");
    assert_eq!(exporter.export(&payload()).await.unwrap().rejected, 1);
    // One that says nothing has written nothing.
    let accepted = exporter.export(&payload()).await.unwrap();
    assert_eq!(accepted.rejected, 3);
    assert!(accepted.remark.unwrap().contains("protobuf_message"));
    server.answer_http(415, ("x-a", "b"), "");
    let error = exporter.export(&payload()).await.unwrap_err();
    assert!(error.to_string().contains("protobuf_message"), "{error}");
}
