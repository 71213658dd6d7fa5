//! OTLP exporters against a server.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use super::server::{Server, gunzip, taken};
use super::{nowhere, payload, request, soon, started};
use crate::export::{EnqueueError, Exporter};
use spanmill_model::Signal;

const TRACES: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const FAST: &str = "retry_on_failure: {initial_interval: 1ms, max_interval: 2ms}";

async fn grpc(server: &Server, more: &str) -> Exporter {
    let endpoint = format!("{{endpoint: 'http://{}', {more}}}", server.address);
    started("otlp", &endpoint, nowhere()).await
}

async fn http(server: &Server, more: &str) -> Exporter {
    let endpoint = format!("{{endpoint: 'http://{}/base', {more}}}", server.address);
    started("otlphttp", &endpoint, nowhere()).await
}

#[tokio::test]
async fn grpc_sends_the_bytes_as_they_are() {
    let server = Server::start().await;
    for (compression, encoding) in [("gzip", "gzip"), ("zstd", "zstd"), ("none", "")] {
        let more = format!("compression: {compression}, headers: {{X-Tenant: '7'}}");
        let exporter = grpc(&server, &more).await;
        exporter.enqueue(payload()).await.unwrap();
        assert_eq!(exporter.drain(soon()).await, 0);
        let seen = server.seen().remove(0);
        assert_eq!(seen.path, TRACES);
        assert_eq!(seen.header("x-tenant"), "7");
        assert!(seen.header("user-agent").starts_with("spanmill/"));
        assert_eq!(seen.header("grpc-encoding"), encoding);
        assert_eq!(seen.message(), (!encoding.is_empty(), payload().bytes));
        assert_eq!(exporter.counters().get(Signal::Traces).sent(), 1);
    }
}

#[tokio::test]
async fn grpc_tries_again_when_it_may() {
    let server = Server::start().await;
    let busy = |code| {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(3)));
        Status::with_error_details(code, "busy", details)
    };
    server.refuse(busy(Code::Unavailable));
    server.refuse(busy(Code::ResourceExhausted));
    server.refuse(Status::unavailable("down"));
    let exporter = grpc(
        &server,
        &format!("{FAST}, sending_queue: {{wait_for_result: true}}"),
    )
    .await;
    exporter.enqueue(payload()).await.unwrap();
    assert_eq!(server.seen().len(), 4);
    assert_eq!(exporter.counters().get(Signal::Traces).sent(), 1);
    assert_eq!(exporter.counters().get(Signal::Traces).send_failed(), 0);
}

#[tokio::test]
async fn grpc_gives_up_when_it_must() {
    let server = Server::start().await;
    let exporter = grpc(
        &server,
        &format!("{FAST}, sending_queue: {{enabled: false}}"),
    )
    .await;
    for (code, word) in [
        (Code::InvalidArgument, "InvalidArgument"),
        (Code::ResourceExhausted, "ResourceExhausted"),
        (Code::Unauthenticated, "Unauthenticated"),
    ] {
        server.refuse(Status::new(code, "out\n of\u{1b} bounds"));
        let refused = exporter.enqueue(payload()).await.unwrap_err();
        assert!(!refused.is_retryable());
        assert_eq!(
            refused.to_string(),
            format!("exporter otlp: the backend answered {word}: out of bounds")
        );
    }
    assert_eq!(server.seen().len(), 3);
    assert_eq!(exporter.counters().get(Signal::Traces).send_failed(), 3);
}

#[tokio::test]
async fn partial_success_is_not_sent_again() {
    let server = Server::start().await;
    let partial = ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 1,
            error_message: "no".to_owned(),
        }),
    };
    server.answer(taken(&partial.encode_to_vec()));
    let exporter = grpc(&server, "sending_queue: {enabled: false}").await;
    exporter.enqueue(payload()).await.unwrap();
    let json = r#"{"partialSuccess": {"rejectedSpans": "1", "errorMessage": "no"}}"#;
    server.answer_http(200, ("content-type", "application/json"), json);
    let over_http = http(&server, "sending_queue: {enabled: false}").await;
    over_http.enqueue(payload()).await.unwrap();
    assert_eq!(server.seen().len(), 2);
    for exporter in [exporter, over_http] {
        assert_eq!(exporter.counters().get(Signal::Traces).sent(), 0);
        assert_eq!(exporter.counters().get(Signal::Traces).send_failed(), 1);
    }
}

#[tokio::test]
async fn nobody_there_is_retryable() {
    // A port that was free a moment ago.
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let settings = format!(
        "{{endpoint: 'http://{address}', retry_on_failure: {{enabled: false}}, sending_queue: {{enabled: false}}}}"
    );
    for kind in ["otlp", "otlphttp"] {
        let exporter = started(kind, &settings, nowhere()).await;
        let refused = exporter.enqueue(payload()).await;
        let Err(EnqueueError::Retryable { failure, .. }) = refused else {
            panic!("{refused:?}")
        };
        let message = failure.to_string();
        assert!(
            message.starts_with("cannot reach the backend: "),
            "{message}"
        );
        assert_eq!(failure.code, None);
    }
}

#[tokio::test]
async fn http_sends_protobuf_or_json() {
    let server = Server::start().await;
    for compression in ["gzip", "zstd", "none"] {
        for encoding in ["proto", "json"] {
            let more =
                format!("compression: {compression}, encoding: {encoding}, headers: {{k: v}}");
            let exporter = http(&server, &more).await;
            exporter.enqueue(payload()).await.unwrap();
            assert_eq!(exporter.drain(soon()).await, 0);
            let seen = server.seen().remove(0);
            assert_eq!(
                (seen.path.as_str(), seen.header("k")),
                ("/base/v1/traces", "v")
            );
            let body = match seen.header("content-encoding") {
                "gzip" => gunzip(&seen.body),
                "zstd" => zstd::decode_all(seen.body.as_ref()).unwrap().into(),
                _ => seen.body.clone(),
            };
            let content_type = seen.header("content-type");
            match encoding {
                "proto" => assert_eq!(
                    (content_type, body),
                    ("application/x-protobuf", payload().bytes)
                ),
                _ => {
                    assert_eq!(content_type, "application/json");
                    let sent: super::ExportTraceServiceRequest =
                        serde_json::from_slice(&body).unwrap();
                    assert_eq!(sent, request());
                }
            }
        }
    }
}

#[tokio::test]
async fn http_tries_again_when_it_may() {
    let server = Server::start().await;
    for status in [429, 502, 503, 504] {
        server.answer_http(status, ("retry-after", "0"), "");
    }
    let exporter = http(
        &server,
        &format!("{FAST}, sending_queue: {{enabled: false}}"),
    )
    .await;
    exporter.enqueue(payload()).await.unwrap();
    assert_eq!(server.seen().len(), 5);
    for status in [400, 401, 413, 500, 302] {
        server.answer_http(status, ("x", "y"), "no such tenant");
        let refused = exporter.enqueue(payload()).await.unwrap_err();
        assert!(
            matches!(refused, EnqueueError::Permanent { .. }),
            "{refused}"
        );
        let message = refused.to_string();
        assert!(
            message.contains(&format!("the backend answered {status} ")),
            "{message}"
        );
        assert!(message.ends_with(": no such tenant"), "{message}");
    }
    assert_eq!(exporter.counters().get(Signal::Traces).send_failed(), 5);
}

#[tokio::test]
async fn http_waits_as_long_as_it_is_told() {
    let server = Server::start().await;
    server.answer_http(503, ("retry-after", "7"), "");
    let off = "retry_on_failure: {enabled: false}, sending_queue: {enabled: false}";
    let refused = http(&server, off)
        .await
        .enqueue(payload())
        .await
        .unwrap_err();
    let EnqueueError::Retryable { after, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(after, Some(Duration::from_secs(7)));
    // A time that is past: at once.
    server.answer_http(429, ("retry-after", "Thu, 13 Dec 2018 14:51:00 GMT"), "");
    let refused = http(&server, off)
        .await
        .enqueue(payload())
        .await
        .unwrap_err();
    let EnqueueError::Retryable { after, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(after, Some(Duration::ZERO));
}
