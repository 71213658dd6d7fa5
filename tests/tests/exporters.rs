//! What leaves: every exporter, compression both ways, fan-out, and OTLP's published example.

use bytes::Bytes;
use prost::Message as _;
use spanmill_tests::{
    Answer, Backend, GrpcSender, Spanmill, flatten, get, http, post, request, span, text,
};
use tonic::codec::CompressionEncoding;

const EXAMPLE: &str = include_str!("../data/otlp-example-trace.json");
const PROTOBUF: &str = "application/x-protobuf";

fn receiver() -> &'static str {
    r#"
receivers:
  otlp:
    protocols:
      grpc: {endpoint: "127.0.0.1:0"}
      http: {endpoint: "127.0.0.1:0"}
"#
}

fn pipeline(exporters: &str, names: &str) -> String {
    format!(
        "{}exporters:\n{exporters}\nservice:\n  pipelines:\n    traces:\n      receivers: [otlp]\n      exporters: [{names}]\n",
        receiver()
    )
}

/// A request with unknown fields, empty texts and a float that JSON cannot say: bytes that only a copy keeps.
fn odd_request() -> Bytes {
    let mut first = span(1, "first", vec![text("a", ""), text("a", "twice")]);
    first.kind = 99;
    let mut bytes = request("odd", vec![first, span(2, "", vec![])]).encode_to_vec();
    // Field 1000, a varint.
    bytes.extend([0xc0, 0x3e, 0x07]);
    bytes.into()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_plugins_the_bytes_go_through_untouched_compressed_or_not() {
    for compression in ["none", "gzip", "zstd"] {
        let (grpc, over_http) = (Backend::start().await, Backend::start().await);
        let exporters = format!(
            "  otlp: {{endpoint: {}, compression: {compression}, tls: {{insecure: true}}}}\n  otlphttp: {{endpoint: \"http://{}\", compression: {compression}, headers: {{x-tenant: one}}}}",
            grpc.address(),
            over_http.address()
        );
        let spanmill = Spanmill::start(&pipeline(&exporters, "otlp, otlphttp")).await;
        let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
        let sender = match compression {
            "gzip" => sender.compressed(CompressionEncoding::Gzip),
            "zstd" => sender.compressed(CompressionEncoding::Zstd),
            _ => sender,
        };
        sender.send_bytes(odd_request()).await.unwrap();
        let got = grpc.requests(1).await;
        assert_eq!(got[0].body, odd_request());
        let encoding = got[0]
            .headers
            .get("grpc-encoding")
            .map(|v| v.to_str().unwrap());
        assert_eq!(encoding.unwrap_or("none"), compression);

        let got = over_http.requests(1).await;
        assert_eq!(got[0].body, odd_request());
        assert_eq!(got[0].path, "/v1/traces");
        assert_eq!(got[0].headers["content-type"], PROTOBUF);
        assert_eq!(got[0].headers["x-tenant"], "one");
        let encoding = got[0]
            .headers
            .get("content-encoding")
            .map(|v| v.to_str().unwrap());
        assert_eq!(encoding.unwrap_or("none"), compression);
        spanmill.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_over_http_may_be_compressed() {
    let backend = Backend::start().await;
    let exporters = format!(
        "  otlp: {{endpoint: {}, tls: {{insecure: true}}}}",
        backend.address()
    );
    let spanmill = Spanmill::start(&pipeline(&exporters, "otlp")).await;
    let address = spanmill.address("receiver otlp http");
    let plain = odd_request();
    let bodies = [
        ("gzip", gzip(&plain)),
        ("zstd", zstd::encode_all(plain.as_ref(), 3).unwrap()),
        ("identity", plain.to_vec()),
    ];
    for (number, (encoding, body)) in bodies.into_iter().enumerate() {
        let headers = [("content-type", PROTOBUF), ("content-encoding", encoding)];
        let reply = http(address, http::Method::POST, "/v1/traces", &headers, body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.body.len()),
            (200, 0),
            "{encoding}"
        );
        assert_eq!(reply.header("content-type"), PROTOBUF);
        assert_eq!(
            backend.requests(number + 1).await[number].body,
            plain,
            "{encoding}"
        );
    }
    spanmill.stop().await;
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_example_goes_in_as_json_and_comes_out_of_every_exporter() {
    let (grpc, proto, json) = (
        Backend::start().await,
        Backend::start().await,
        Backend::start().await,
    );
    let exporters = format!(
        "  otlp: {{endpoint: {}, tls: {{insecure: true}}}}\n  otlphttp/proto: {{endpoint: \"http://{}\"}}\n  otlphttp/json: {{endpoint: \"http://{}/base/\", encoding: json}}\n  file: {{path: out.jsonl}}\n  debug: {{verbosity: detailed}}",
        grpc.address(),
        proto.address(),
        json.address()
    );
    let names = "otlp, otlphttp/proto, otlphttp/json, file, debug";
    let spanmill = Spanmill::start(&pipeline(&exporters, names)).await;
    let reply = post(
        spanmill.address("receiver otlp http"),
        "application/json",
        EXAMPLE,
    )
    .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json");
    let answer: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!(answer, serde_json::json!({"partialSuccess": {}}));

    let sent: Vec<_> = [serde_json::from_str(EXAMPLE).unwrap()].into();
    let sent = flatten(&sent);
    assert_eq!(sent.len(), 1);
    for backend in [&grpc, &proto, &json] {
        assert_eq!(backend.spans(1).await, sent);
    }
    assert_eq!(json.taken()[0].path, "/base/v1/traces");
    assert_eq!(json.taken()[0].headers["content-type"], "application/json");
    let file = spanmill.file("out.jsonl");
    let folder = spanmill.folder().to_owned();
    spanmill.terminate();
    let log = spanmill
        .logged("ended; everything that was accepted was delivered")
        .await;
    assert!(log.contains("INFO"), "{log}");
    // The folder goes with the process; read before that.
    let lines = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(flatten(&lines), sent);
    assert!(folder.exists());
    let ended = spanmill.ended().await;
    assert_eq!(ended.code, Some(0));
    let shown = ended.stdout.join("\n");
    for part in [
        "I'm a server span",
        "my.service",
        "my.span.attr",
        "some value",
        "my.library",
    ] {
        assert!(shown.contains(part), "no {part} in:\n{shown}");
    }
    // The debug exporter shows values on stdout; the log must not.
    assert!(!ended.log.join("\n").contains("some value"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_feeds_every_pipeline_and_a_pipeline_every_exporter() {
    let backends = [
        Backend::start().await,
        Backend::start().await,
        Backend::start().await,
    ];
    let manifest = format!(
        r#"{}
processors:
  attributes/left:
    actions: [{{key: side, value: left, action: insert}}]
  attributes/right:
    actions: [{{key: side, value: right, action: insert}}]
exporters:
  otlp/0: {{endpoint: {}, tls: {{insecure: true}}}}
  otlp/1: {{endpoint: {}, tls: {{insecure: true}}}}
  otlp/2: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces/left:
      receivers: [otlp]
      processors: [attributes/left]
      exporters: [otlp/0, otlp/1]
    traces/right:
      receivers: [otlp]
      processors: [attributes/right]
      exporters: [otlp/2]
"#,
        receiver(),
        backends[0].address(),
        backends[1].address(),
        backends[2].address()
    );
    let spanmill = Spanmill::start(&manifest).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender
        .send(&request("shop", vec![span(7, "one", vec![text("k", "v")])]))
        .await
        .unwrap();
    for (backend, side) in backends.iter().zip(["left", "left", "right"]) {
        let got = backend.spans(1).await;
        let expected = span(7, "one", vec![text("k", "v"), text("side", side)]);
        assert_eq!((got.len(), &got[0].span), (1, &expected));
    }
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_queue_the_backends_answer_reaches_the_sender() {
    let backend = Backend::start().await;
    let exporters = format!(
        "  otlp:\n    endpoint: {}\n    tls: {{insecure: true}}\n    sending_queue: {{enabled: false}}\n    retry_on_failure: {{enabled: false}}",
        backend.address()
    );
    let spanmill = Spanmill::start(&pipeline(&exporters, "otlp")).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let one = request("shop", vec![span(1, "one", vec![])]);

    backend.answer(|_| Answer::Unavailable);
    let status = sender.send(&one).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unavailable);
    let address = spanmill.address("receiver otlp http");
    let reply = post(address, PROTOBUF, one.encode_to_vec()).await;
    assert_eq!(reply.status, 503);

    backend.answer(|_| Answer::Invalid);
    let status = sender.send(&one).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);

    backend.answer(|_| Answer::Take);
    sender.send(&one).await.unwrap();
    assert_eq!(backend.spans(1).await.len(), 1);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_told_to_the_sender_and_nothing_that_was_taken_is_lost() {
    let backend = Backend::start().await;
    let exporters = format!(
        "  otlp:\n    endpoint: {}\n    tls: {{insecure: true}}\n    sending_queue: {{queue_size: 1, num_consumers: 1}}",
        backend.address()
    );
    let spanmill = Spanmill::start(&pipeline(&exporters, "otlp")).await;
    backend.open(false);
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender
        .send(&request("shop", vec![span(1, "one", vec![])]))
        .await
        .unwrap();
    let status = sender
        .send(&request("shop", vec![span(2, "two", vec![])]))
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::ResourceExhausted);
    let details = tonic_types::StatusExt::get_details_retry_info(&status);
    assert!(
        details.is_some_and(|retry| retry.retry_delay.is_some()),
        "{status:?}"
    );
    backend.open(true);
    backend.spans(1).await;
    spanmill.stop().await;
    let names: Vec<_> = backend
        .spans(1)
        .await
        .into_iter()
        .map(|found| found.span.name)
        .collect();
    assert_eq!(names, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scrape_endpoint_says_what_it_serves() {
    let manifest = format!(
        "{}connectors:\n  spanmetrics:\nexporters:\n  prometheus: {{endpoint: \"127.0.0.1:0\"}}\nservice:\n  pipelines:\n    traces:\n      receivers: [otlp]\n      exporters: [spanmetrics]\n    metrics:\n      receivers: [spanmetrics]\n      exporters: [prometheus]\n",
        receiver()
    );
    let spanmill = Spanmill::start(&manifest).await;
    let address = spanmill.address("exporter prometheus http");
    let reply = get(address, "/metrics", true).await;
    assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 0));
    // Not asked for in the manifest.
    assert!(
        reply
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    assert_eq!(get(address, "/", false).await.status, 404);
    let reply = http(address, http::Method::POST, "/metrics", &[], "").await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("allow")),
        (405, "GET, HEAD")
    );
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_put_aside_when_it_has_grown_and_nop_takes_everything() {
    let file = "  file: {path: made/spans.pb, create_directory: true, format: proto, rotation: {max_megabytes: 1, max_backups: 2}}\n  file/zstd: {path: spans.zst, compression: zstd}\n  nop:";
    let spanmill = Spanmill::start(&pipeline(file, "file, file/zstd, nop")).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let long = "x".repeat(600_000);
    let sent: Vec<_> = (1..=5)
        .map(|number| request("shop", vec![span(number, &long, vec![])]))
        .collect();
    for request in &sent {
        sender.send(request).await.unwrap();
    }
    let messages = |path: &std::path::Path, unpack: fn(&[u8]) -> Vec<u8>| {
        let bytes = std::fs::read(path).unwrap();
        let mut rest = bytes.as_slice();
        let mut found = Vec::new();
        while let Some((length, behind)) = rest.split_first_chunk::<4>() {
            let (message, behind) = behind.split_at(u32::from_be_bytes(*length) as usize);
            found.push(unpack(message));
            rest = behind;
        }
        found
    };
    // Two do not fit into a megabyte; of five files the last three are there.
    let mut paths: Vec<_> = std::fs::read_dir(spanmill.file("made"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let names: Vec<_> = paths
        .iter()
        .map(|path| path.file_name().unwrap().to_str().unwrap().len())
        .collect();
    assert_eq!(
        names,
        ["spans-2022-09-14T05-02-14.173.pb".len(); 2]
            .into_iter()
            .chain([8])
            .collect::<Vec<_>>()
    );
    let kept: Vec<_> = paths
        .iter()
        .flat_map(|path| messages(path, <[u8]>::to_vec))
        .collect();
    let expected: Vec<_> = sent[2..].iter().map(|one| one.encode_to_vec()).collect();
    assert!(kept == expected, "the last three, in their order");
    let unpacked = messages(&spanmill.file("spans.zst"), |message| {
        zstd::decode_all(message).unwrap()
    });
    for (json, request) in unpacked.iter().zip(&sent) {
        let read: opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest =
            serde_json::from_slice(json).unwrap();
        assert!(read == *request);
    }
    assert_eq!(unpacked.len(), 5);
    spanmill.stop().await;
}
