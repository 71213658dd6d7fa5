//! What senders do wrong: each gets the right answer, and the process goes on.

use bytes::Bytes;
use http::Method;
use prost::Message as _;
use spanmill_tests::{Backend, GrpcSender, HttpReply, Spanmill, http, post, request, span, text};
use tonic::Code;
use tonic_types::StatusExt as _;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";
const SECRET: &str = "a-value-that-must-not-be-logged";

struct Bench {
    spanmill: Spanmill,
    backend: Backend,
    sent: usize,
}

impl Bench {
    async fn start() -> Self {
        Self::start_with("", "").await
    }

    /// With further settings of the gRPC receiver's, and further sections.
    async fn start_with(grpc: &str, sections: &str) -> Self {
        let backend = Backend::start().await;
        let manifest = format!(
            r#"
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0", {grpc}}}
      http: {{endpoint: "127.0.0.1:0"}}
processors:
  redaction: {{allow_all_keys: true, blocked_values: ['\d{{16}}']}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [redaction], exporters: [otlp]}}
{sections}
"#,
            backend.address()
        );
        let spanmill = Spanmill::start(&manifest).await;
        Bench {
            spanmill,
            backend,
            sent: 0,
        }
    }

    async fn http(&self, headers: &[(&str, &str)], body: impl Into<Bytes>) -> HttpReply {
        let address = self.spanmill.address("receiver otlp http");
        http(address, Method::POST, "/v1/traces", headers, body).await
    }

    async fn grpc(&self) -> GrpcSender {
        GrpcSender::connect(self.spanmill.address("receiver otlp grpc")).await
    }

    /// A good request is still taken both ways, and arrives.
    async fn still_serves(&mut self) {
        let number = self.sent as u64 + 1;
        let good = |number| request("good", vec![span(number, "good", vec![text("k", SECRET)])]);
        self.grpc().await.send(&good(number)).await.unwrap();
        let address = self.spanmill.address("receiver otlp http");
        let reply = post(address, PROTOBUF, good(number + 1).encode_to_vec()).await;
        assert_eq!(reply.status, 200);
        self.sent += 2;
        let got = self.backend.spans(self.sent).await;
        assert_eq!(got.len(), self.sent);
    }

    async fn end(self) {
        let log = self.spanmill.stop().await.log.join("\n");
        assert!(!log.contains(SECRET), "{log}");
        assert!(!log.contains("panic"), "{log}");
    }
}

fn good() -> Vec<u8> {
    request("good", vec![span(900, "good", vec![])]).encode_to_vec()
}

fn gzip(bytes: impl std::io::Read) -> Vec<u8> {
    let mut encoder = flate2::bufread::GzEncoder::new(
        std::io::BufReader::new(bytes),
        flate2::Compression::fast(),
    );
    let mut out = Vec::new();
    std::io::Read::read_to_end(&mut encoder, &mut out).unwrap();
    out
}

/// What it is, its headers, the body, and the status and words of the answer.
type BodyCase = (
    &'static str,
    &'static [(&'static str, &'static str)],
    Vec<u8>,
    u16,
    &'static str,
);

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_over_http() {
    let mut bench = Bench::start().await;
    let truncated = {
        let whole = gzip(good().as_slice());
        whole[..whole.len() - 12].to_vec()
    };
    let wrong_type = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"name":"{SECRET}","kind":["{SECRET}"]}}]}}]}}]}}"#
    );
    let short_id = |change: fn(&mut opentelemetry_proto::tonic::trace::v1::Span)| {
        let mut bad = request("bad", vec![span(901, "bad", vec![])]);
        change(&mut bad.resource_spans[0].scope_spans[0].spans[0]);
        bad.encode_to_vec()
    };
    let cases: [BodyCase; 16] = [
        (
            "a trace id of four bytes",
            &[("content-type", PROTOBUF)],
            short_id(|span| span.trace_id.truncate(4)),
            400,
            "16 bytes",
        ),
        (
            "a parent's id of sixteen bytes",
            &[("content-type", PROTOBUF)],
            short_id(|span| span.parent_span_id = vec![1; 16]),
            400,
            "16 bytes",
        ),
        (
            "an id in base64",
            &[("content-type", JSON)],
            br#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"W47/95gDgQPSabYzgT/GDA=="}]}]}]}"#.to_vec(),
            400,
            "spans[0].traceId must be a string of 32 hexadecimal digits",
        ),
        (
            "a resource that stands twice",
            &[("content-type", JSON)],
            br#"{"resourceSpans":[{"resource":{},"resource":{}}]}"#.to_vec(),
            400,
            "resourceSpans[0] has resource twice",
        ),
        (
            "garbage",
            &[("content-type", PROTOBUF)],
            vec![0xff; 100],
            400,
            "malformed request",
        ),
        (
            "cut short",
            &[("content-type", PROTOBUF)],
            good()[..40].to_vec(),
            400,
            "malformed",
        ),
        (
            "no JSON",
            &[("content-type", JSON)],
            b"{\"resourceSpans\": [}".to_vec(),
            400,
            "line 1",
        ),
        (
            "half of JSON",
            &[("content-type", JSON)],
            b"{\"resourceSpans\": [".to_vec(),
            400,
            "ends in the middle",
        ),
        (
            "JSON of another shape",
            &[("content-type", JSON)],
            wrong_type.into_bytes(),
            400,
            "no OTLP",
        ),
        (
            "a list",
            &[("content-type", JSON)],
            b"[1, 2]".to_vec(),
            400,
            "no OTLP",
        ),
        (
            "protobuf that says it is JSON",
            &[("content-type", JSON)],
            good(),
            400,
            "not JSON",
        ),
        ("no content type", &[], good(), 415, "content type"),
        (
            "another content type",
            &[("content-type", "text/plain")],
            good(),
            415,
            "application/x-protobuf",
        ),
        (
            "another encoding",
            &[("content-type", PROTOBUF), ("content-encoding", "br")],
            good(),
            415,
            "gzip",
        ),
        (
            "truncated gzip",
            &[("content-type", PROTOBUF), ("content-encoding", "gzip")],
            truncated,
            400,
            "gzip",
        ),
        (
            "no gzip",
            &[("content-type", PROTOBUF), ("content-encoding", "gzip")],
            good(),
            400,
            "gzip",
        ),
    ];
    for (what, headers, body, status, message) in cases {
        let reply = bench.http(headers, body).await;
        assert_eq!(reply.status, status, "{what}: {}", reply.text());
        assert!(reply.text().contains(message), "{what}: {}", reply.text());
        assert!(!reply.text().contains(SECRET), "{what}: {}", reply.text());
        // Whoever speaks protobuf gets a google.rpc.Status in protobuf, and others one in JSON.
        let protobuf = headers.first().is_some_and(|(_, value)| *value == PROTOBUF);
        let format = if protobuf { PROTOBUF } else { JSON };
        assert_eq!(reply.header("content-type"), format, "{what}");
        if protobuf {
            let answer = tonic_types::Status::decode(reply.body.clone()).unwrap();
            assert!(answer.message.contains(message), "{what}: {answer:?}");
        } else {
            let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
            assert!(
                answer["message"].as_str().unwrap().contains(message),
                "{answer}"
            );
        }
        bench.still_serves().await;
    }
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_too_large_over_http() {
    let mut bench = Bench::start().await;
    let plain = [("content-type", PROTOBUF)];
    let reply = bench.http(&plain, vec![0u8; 100 * 1024 * 1024]).await;
    assert_eq!(reply.status, 413, "{}", reply.text());
    assert!(reply.text().contains("smaller batches"), "{}", reply.text());
    bench.still_serves().await;

    // 1 GiB of zeros in a few MiB: refused as soon as what is unpacked is too large.
    let bomb = gzip(std::io::Read::take(std::io::repeat(0), 1 << 30));
    assert!(bomb.len() < 8 << 20);
    let packed = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
    let began = std::time::Instant::now();
    let reply = bench.http(&packed, bomb).await;
    assert_eq!(reply.status, 413, "{}", reply.text());
    assert!(began.elapsed() < std::time::Duration::from_secs(10));
    bench.still_serves().await;
    let bomb = zstd::encode_all(std::io::Read::take(std::io::repeat(0), 1 << 30), 1).unwrap();
    let packed = [("content-type", PROTOBUF), ("content-encoding", "zstd")];
    let reply = bench.http(&packed, bomb).await;
    assert_eq!(reply.status, 413, "{}", reply.text());
    bench.still_serves().await;
    bench.end().await;
}

/// A sender that was asked to wait would send them over and over.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_more_memory_than_there_is_for_all_requests_is_refused_for_good() {
    let mut bench =
        Bench::start_with("max_recv_msg_size_mib: 64", "limits: {in_flight_mib: 16}").await;
    for mib in [9, 17] {
        let name = "n".repeat(mib << 20);
        let large = request("large", vec![span(1, &name, vec![])]);
        let json = serde_json::to_vec(&large).unwrap();
        let proto = large.encode_to_vec();
        let packed = gzip(proto.as_slice());
        let zipped = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
        for (headers, body) in [
            (&zipped[..1], proto),
            (&zipped[..], packed),
            (&[("content-type", JSON)][..], json),
        ] {
            let reply = bench.http(headers, body).await;
            assert_eq!(reply.status, 413, "{headers:?}: {}", reply.text());
            assert!(reply.text().contains("limits.in_flight_mib is 16"));
            assert_eq!(reply.header("retry-after"), "");
        }
        let status = bench.grpc().await.send(&large).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert!(status.message().contains("limits.in_flight_mib is 16"));
        assert!(status.get_details_retry_info().is_none(), "{status:?}");
        bench.still_serves().await;
    }
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_paths_and_methods_over_http() {
    let mut bench = Bench::start().await;
    let address = bench.spanmill.address("receiver otlp http");
    let headers = [("content-type", JSON)];
    let cases = [
        (Method::POST, "/", 404, "/v1/traces"),
        (Method::POST, "/v1/traces/", 404, "/v1/traces"),
        (
            Method::POST,
            "/v1/metrics",
            404,
            "no pipeline takes metrics",
        ),
        (Method::POST, "/v1/logs", 404, "no pipeline takes logs"),
        (Method::GET, "/v1/traces", 405, "POST"),
        (Method::PUT, "/v1/traces", 405, "POST"),
    ];
    for (method, path, status, message) in cases {
        let reply = http(address, method.clone(), path, &headers, "{}").await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert!(
            reply.text().contains(message),
            "{method} {path}: {}",
            reply.text()
        );
        if status == 405 {
            assert_eq!(reply.header("allow"), "POST");
        }
    }
    bench.still_serves().await;
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_calls_over_grpc() {
    let mut bench = Bench::start().await;
    let sender = bench.grpc().await;

    let status = sender.send_bytes(vec![0xff; 100]).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(status.message().contains("malformed request"), "{status:?}");
    bench.still_serves().await;

    let mut short = request("bad", vec![span(901, "bad", vec![])]);
    short.resource_spans[0].scope_spans[0].spans[0]
        .span_id
        .pop();
    let status = sender.send_bytes(short.encode_to_vec()).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    assert!(status.message().contains("span id 8"), "{status:?}");
    bench.still_serves().await;

    let metrics = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
    let status = sender.call(metrics, Bytes::new()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented, "{status:?}");
    assert!(
        status.message().contains("no pipeline takes metrics"),
        "{status:?}"
    );
    bench.still_serves().await;

    // More than the 4 MiB that gRPC servers take, as the Collector does.
    let status = sender.send_bytes(vec![0u8; 5 << 20]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    bench.still_serves().await;
    let bomb = sender
        .clone()
        .compressed(tonic::codec::CompressionEncoding::Gzip);
    let status = bomb.send_bytes(vec![0u8; 64 << 20]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
    bench.still_serves().await;

    // The connection on which all that happened is still good.
    sender.send_bytes(Bytes::new()).await.unwrap();
    bench.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_that_speak_another_protocol_or_hang_up() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut bench = Bench::start().await;
    for receiver in ["receiver otlp grpc", "receiver otlp http"] {
        let address = bench.spanmill.address(receiver);
        for words in [
            &b"\x16\x03\x01\x02\x00\x01\x00"[..],
            b"hello?\r\n\r\n",
            b"GET",
        ] {
            let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.write_all(words).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut answer = Vec::new();
            // A reset is an answer as well.
            let _ = spanmill_tests::within(
                "the end of the connection",
                stream.read_to_end(&mut answer),
            )
            .await;
        }
        // Half a request, and gone.
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let head = "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{";
        stream.write_all(head.as_bytes()).await.unwrap();
        drop(stream);
    }
    bench.still_serves().await;
    bench.end().await;
}
