//! OTLP over HTTP.

use std::io::Write as _;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::{HeaderMap, Method, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use serde_json::{Value, json};

use super::{LIMIT, Recorder, Server, request};
use crate::refusal::Refusal;
use spanmill_model::Signal;

pub(super) const PROTO: &str = "application/x-protobuf";
pub(super) const JSON: &str = "application/json";

pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn message(&self) -> String {
        match self.headers["content-type"].to_str().unwrap() {
            PROTO => {
                tonic_types::Status::decode(self.body.clone())
                    .unwrap()
                    .message
            }
            _ => {
                let body: Value = serde_json::from_slice(&self.body).unwrap();
                assert!(body["code"].is_i64());
                body["message"].as_str().unwrap().to_owned()
            }
        }
    }
}

pub(super) async fn send(
    server: &Server,
    request: http::request::Builder,
    path: &str,
    body: Bytes,
) -> Answer {
    let uri = format!("{}{path}", server.http);
    let request = request.uri(uri).body(Full::new(body)).unwrap();
    let client: Client<_, Full<Bytes>> = match request.version() {
        Version::HTTP_2 => Client::builder(TokioExecutor::new())
            .http2_only(true)
            .build_http(),
        _ => Client::builder(TokioExecutor::new()).build_http(),
    };
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

pub(super) async fn post(
    server: &Server,
    kind: &str,
    encoding: &str,
    body: impl Into<Bytes>,
) -> Answer {
    let mut request = Request::post("/").header("content-type", kind);
    if !encoding.is_empty() {
        request = request.header("content-encoding", encoding);
    }
    send(server, request, "/v1/traces", body.into()).await
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn protobuf_arrives_as_it_was_sent() {
    let server = Server::start(Recorder::new(None)).await;
    let body = request("a");
    let bodies = [
        ("", body.to_vec()),
        ("gzip", gzip(&body)),
        ("deflate", zlib(&body)),
        ("zstd", zstd::encode_all(body.as_ref(), 0).unwrap()),
    ];
    for (encoding, encoded) in bodies {
        let answer = post(&server, PROTO, encoding, encoded).await;
        assert_eq!(answer.status, StatusCode::OK, "{encoding}");
        assert_eq!(answer.headers["content-type"], PROTO);
        assert!(answer.body.is_empty());
    }
    assert_eq!(server.recorder.taken(), vec![body; 4]);
    server.stop().await;
}

#[tokio::test]
async fn http2_without_tls_is_spoken_too() {
    let server = Server::start(Recorder::new(None)).await;
    let request = Request::post("/")
        .version(Version::HTTP_2)
        .header("content-type", PROTO);
    let answer = send(&server, request, "/v1/traces", super::request("a")).await;
    assert_eq!(answer.status, StatusCode::OK);
    server.stop().await;
}

/// The example that the OTLP specification points to, `examples/trace.json` of opentelemetry-proto.
const EXAMPLE: &str = r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my.service"}}]},"scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0","attributes":[{"key":"my.scope.attribute","value":{"stringValue":"some scope attribute"}}]},"spans":[{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"EEE19B7EC3C1B174","parentSpanId":"EEE19B7EC3C1B173","name":"I'm a server span","startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","kind":2,"attributes":[{"key":"my.span.attr","value":{"stringValue":"some value"}}]}]}]}]}"#;

async fn json_span(server: &Server, span: Value) -> opentelemetry_proto::tonic::trace::v1::Span {
    let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
    let answer = post(server, JSON, "", body.to_string()).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.message());
    let bytes = server.recorder.taken().pop().unwrap();
    let mut request = ExportTraceServiceRequest::decode(bytes).unwrap();
    request
        .resource_spans
        .remove(0)
        .scope_spans
        .remove(0)
        .spans
        .remove(0)
}

#[tokio::test]
async fn the_specifications_json_example() {
    let server = Server::start(Recorder::new(None)).await;
    let answer = post(
        &server,
        "application/json; charset=utf-8",
        "gzip",
        gzip(EXAMPLE.as_bytes()),
    )
    .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, r#"{"partialSuccess":{}}"#);
    let request = ExportTraceServiceRequest::decode(server.recorder.taken().remove(0)).unwrap();
    let scope_spans = &request.resource_spans[0].scope_spans[0];
    let span = &scope_spans.spans[0];
    assert_eq!(span.trace_id[..2], [0x5b, 0x8e]);
    assert_eq!(span.span_id.len(), 8);
    assert_eq!(span.start_time_unix_nano, 1_544_712_660_000_000_000);
    assert_eq!(span.kind, 2);
    assert_eq!(scope_spans.scope.as_ref().unwrap().version, "1.0.0");
    server.stop().await;
}

#[tokio::test]
async fn json_as_senders_really_write_it() {
    use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
    let server = Server::start(Recorder::new(None)).await;
    let any = |span: &opentelemetry_proto::tonic::trace::v1::Span| {
        span.attributes[0].value.clone().and_then(|any| any.value)
    };
    // Numbers as numbers; fields left out; unknown fields.
    let span = json_span(
        &server,
        json!({
            "startTimeUnixNano": 1_544_712_660_000_000_000_u64, "future": {"a": [1]},
            "attributes": [{"key": "k", "value": {"intValue": "-9223372036854775808"}}],
            "events": [{"timeUnixNano": "7", "name": "e"}], "links": [{"traceId": "5b8efff798038103d269b633813fc60c"}],
            "status": {"code": 2}, "flags": 257
        }),
    )
    .await;
    assert_eq!(span.start_time_unix_nano, 1_544_712_660_000_000_000);
    assert_eq!(any(&span), Some(Any::IntValue(i64::MIN)));
    assert_eq!((span.events[0].time_unix_nano, span.flags), (7, 257));
    assert_eq!(span.status.as_ref().unwrap().code, 2);
    let number = json!({"attributes": [{"key": "k", "value": {"intValue": 5}}]});
    assert_eq!(
        any(&json_span(&server, number).await),
        Some(Any::IntValue(5))
    );
    // Enums by name, nulls, unknown kinds of values, and values without one.
    let span = json_span(
        &server,
        json!({
            "kind": "SPAN_KIND_CLIENT", "status": {"code": "STATUS_CODE_ERROR"}, "traceState": null,
            "attributes": [{"key": "k", "value": {"fancyValue": [1], "stringValue": "v"}}]
        }),
    )
    .await;
    assert_eq!((span.kind, span.status.as_ref().unwrap().code), (3, 2));
    assert_eq!(any(&span), Some(Any::StringValue("v".into())));
    let nested = json!({"attributes": [{"key": "k", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": [{"doubleValue": 1.5}, {}]}}}]}}}]});
    let Some(Any::KvlistValue(map)) = any(&json_span(&server, nested).await) else {
        panic!()
    };
    assert_eq!(map.values.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn large_bodies_are_decoded_elsewhere() {
    let server = Server::start(Recorder::new(None)).await;
    let name = "n".repeat(LIMIT / 2);
    let span = json_span(&server, json!({ "name": name })).await;
    assert_eq!(span.name, name);
    let noise: Vec<u8> = (0_u32..60_000)
        .flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes())
        .collect();
    let answer = post(&server, PROTO, "gzip", gzip(&noise)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(server.recorder.taken().pop().unwrap(), noise);
    server.stop().await;
}

#[tokio::test]
async fn malformed_bodies_are_bad_requests() {
    let server = Server::start(Recorder::new(None)).await;
    let good = gzip(&request("a"));
    let cases: [(&str, &str, Vec<u8>, &str); 7] = [
        (
            PROTO,
            "gzip",
            good[..good.len() - 9].to_vec(),
            "the body is not valid gzip",
        ),
        (
            PROTO,
            "gzip",
            request("a").to_vec(),
            "the body is not valid gzip",
        ),
        (
            PROTO,
            "zstd",
            b"nonsense".to_vec(),
            "the body is not valid zstd",
        ),
        (
            PROTO,
            "deflate",
            b"nonsense".to_vec(),
            "the body is not valid deflate",
        ),
        (
            JSON,
            "",
            b"{\"resourceSpans\": [".to_vec(),
            "the body ends in the middle of a JSON value",
        ),
        (
            JSON,
            "",
            b"{resourceSpans: []}".to_vec(),
            "the body is not JSON: see line 1, column 2",
        ),
        (
            JSON,
            "",
            b"{\"resourceSpans\": \"secret\"}".to_vec(),
            "the body is JSON, but no OTLP: resourceSpans must be a list; see before line 1, column 26",
        ),
    ];
    for (kind, encoding, body, message) in cases {
        let answer = post(&server, kind, encoding, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.headers["content-type"], kind);
        assert_eq!(answer.message(), message);
    }
    assert!(server.recorder.taken().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = Server::start(Recorder::new(None)).await;
    let zeros = vec![0; LIMIT + 1];
    let bomb = vec![0; 100 * LIMIT];
    let bodies = [
        ("", zeros.clone()),
        ("gzip", gzip(&bomb)),
        ("deflate", zlib(&bomb)),
        ("zstd", zstd::encode_all(bomb.as_slice(), 0).unwrap()),
        ("gzip", gzip(&zeros)),
    ];
    for (encoding, body) in bodies {
        let answer = post(&server, PROTO, encoding, body).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{encoding}");
        assert_eq!(
            answer.message(),
            "the body is larger than 262144 bytes; send smaller batches"
        );
    }
    let answer = post(&server, PROTO, "gzip", gzip(&zeros[..LIMIT])).await;
    assert_eq!(answer.status, StatusCode::OK);
    server.stop().await;
}

#[tokio::test]
async fn an_endless_body_is_not_read_to_its_end() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let server = Server::start(Recorder::new(None)).await;
    let address = server.http.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\ntransfer-encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("{:x}\r\n{}\r\n", 4096, "x".repeat(4096));
    // Sends until it is told to stop: the test ends only if the server answers before the end, which never comes.
    let (mut read, mut write) = stream.split();
    let mut answer = [0; 12];
    tokio::select! {
        result = read.read_exact(&mut answer) => { result.unwrap(); }
        () = async { while write.write_all(chunk.as_bytes()).await.is_ok() {} std::future::pending().await } => {}
    }
    assert_eq!(&answer, b"HTTP/1.1 413");
    server.stop().await;
}

#[tokio::test]
async fn what_is_not_served() {
    let server = Server::start(Recorder::new(None)).await;
    let with = |method: Method, kind: &str| {
        Request::builder()
            .method(method)
            .header("content-type", kind)
    };

    let answer = send(
        &server,
        with(Method::GET, PROTO),
        "/v1/traces",
        Bytes::new(),
    )
    .await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.headers["allow"], "POST");
    let answer = send(
        &server,
        with(Method::POST, "text/plain"),
        "/v1/traces",
        Bytes::new(),
    )
    .await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let answer = post(&server, PROTO, "br", request("a")).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    for (path, remedy) in [
        ("/v1/metrics", "under `receivers:` of a metrics pipeline"),
        ("/v1development/profiles", "turn profiles off"),
    ] {
        let answer = send(&server, with(Method::POST, JSON), path, Bytes::new()).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.message().contains(remedy), "{}", answer.message());
    }
    let answer = send(&server, with(Method::POST, JSON), "/", Bytes::new()).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(
        answer.message(),
        "there is no such path; this takes traces at /v1/traces, logs at /v1/logs"
    );
    server.stop().await;
}

#[tokio::test]
async fn each_path_is_of_its_signal() {
    let server = Server::start(Recorder::new(None)).await;
    for path in ["/v1/logs", "/v1/traces"] {
        let answer = send(
            &server,
            Request::post("/").header("content-type", JSON),
            path,
            Bytes::from_static(b"{}"),
        )
        .await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let signals = server.recorder.signals.lock().unwrap().clone();
    assert_eq!(signals, [Signal::Logs, Signal::Traces]);
    server.stop().await;
}

#[tokio::test]
async fn refusals_are_statuses() {
    let retry_after = Duration::from_millis(1500);
    let cases = [
        (Refusal::Malformed("truncated".into()), 400, None),
        (Refusal::Overloaded { retry_after }, 429, Some("2")),
        (
            Refusal::Unavailable {
                retry_after: Duration::ZERO,
            },
            503,
            Some("1"),
        ),
        (Refusal::Internal("a bug".into()), 500, None),
    ];
    for (refusal, status, delay) in cases {
        let message = refusal.to_string();
        let server = Server::start(Recorder::new(Some(refusal))).await;
        for (kind, body) in [(PROTO, request("a")), (JSON, Bytes::from_static(b"{}"))] {
            let answer = post(&server, kind, "", body).await;
            assert_eq!(answer.status.as_u16(), status);
            assert_eq!(answer.message(), message);
            let header = answer
                .headers
                .get("retry-after")
                .map(|value| value.to_str().unwrap());
            assert_eq!(header, delay);
        }
        server.stop().await;
    }
}
