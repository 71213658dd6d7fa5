//! What plugins learn of a request beside its telemetry: headers that the receiver keeps, and the sender's address.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use bytes::Bytes;
use http::Method;
use prost::Message as _;
use spanmill_tests::{
    Backend, Found, GrpcSender, Spanmill, attributes, guest, http, request, span, spanmill,
};
use tokio::task::JoinSet;

fn body(number: u64, name: &str) -> Bytes {
    let spans = request("shop", vec![span(number, name, vec![])]);
    spans.encode_to_vec().into()
}

fn of_span(found: &Found) -> BTreeMap<String, String> {
    attributes(&found.span.attributes).into_iter().collect()
}

fn manifest(keeps: bool, processors: &str, backend: &Backend) -> String {
    format!(
        r#"
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0", include_metadata: {keeps}}}
      http: {{endpoint: "127.0.0.1:0", include_metadata: {keeps}}}
processors:
  batch: {{send_batch_size: 1, timeout: 1h}}
  batch/by-tenant: {{send_batch_size: 1, timeout: 1h, metadata_keys: [x-tenant]}}
  attributes:
    actions:
      - {{key: tenant, from_context: metadata.X-Tenant, action: insert}}
      - {{key: address, from_context: client.address, action: insert}}
exporters:
  otlp: {{endpoint: "{}", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [otlp]}}
"#,
        backend.address()
    )
}

/// Sends a span over gRPC and one over HTTP, and returns the attributes that each arrives with.
async fn sent(spanmill: &Spanmill, backend: &Backend) -> Vec<BTreeMap<String, String>> {
    let grpc = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let grpc = grpc.with("x-tenant", "blue");
    grpc.send_bytes(body(1, "grpc")).await.unwrap();
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("X-Tenant", "red"),
    ];
    let address = spanmill.address("receiver otlp http");
    let reply = http(
        address,
        Method::POST,
        "/v1/traces",
        &headers,
        body(2, "http"),
    )
    .await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let mut found = backend.spans(2).await;
    found.sort_by(|a, b| a.span.name.cmp(&b.span.name));
    found.iter().map(of_span).collect()
}

fn expected(of: &[(&str, &str)]) -> BTreeMap<String, String> {
    let of = of.iter().copied();
    of.map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_addresses_become_attributes() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(true, "attributes", &backend)).await;
    let attributes = sent(&spanmill, &backend).await;
    let address = ("address", "127.0.0.1");
    assert_eq!(
        attributes,
        [
            expected(&[("tenant", "blue"), address]),
            expected(&[("tenant", "red"), address]),
        ]
    );
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_batch_what_tells_its_senders_apart_is_left() {
    let backend = Backend::start().await;
    let processors = "batch/by-tenant, attributes";
    let spanmill = Spanmill::start(&manifest(true, processors, &backend)).await;
    let attributes = sent(&spanmill, &backend).await;
    assert_eq!(
        attributes,
        [
            expected(&[("tenant", "blue")]),
            expected(&[("tenant", "red")]),
        ]
    );
    spanmill.stop().await;

    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(true, "batch, attributes", &backend)).await;
    assert_eq!(sent(&spanmill, &backend).await, vec![BTreeMap::new(); 2]);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_reads_headers_which_nobody_keeps_is_warned_of() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(false, "attributes", &backend)).await;
    let line = spanmill
        .logged("no receiver of the pipeline keeps any")
        .await;
    assert!(line.contains(r#""component":"attributes""#), "{line}");
    assert!(line.contains("include_metadata: true"), "{line}");
    let address = expected(&[("address", "127.0.0.1")]);
    assert_eq!(sent(&spanmill, &backend).await, vec![address; 2]);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_routed_by_their_headers() {
    let (blue, rest) = (Backend::start().await, Backend::start().await);
    let manifest = format!(
        r#"
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0", include_metadata: true}}
      http: {{endpoint: "127.0.0.1:0", include_metadata: true}}
connectors:
  routing:
    default_pipelines: [traces/rest]
    table:
      - {{context: request, condition: 'request["X-Tenant"] == "blue"', pipelines: [traces/blue]}}
exporters:
  otlp/blue: {{endpoint: "{}", tls: {{insecure: true}}}}
  otlp/rest: {{endpoint: "{}", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [routing]}}
    traces/blue: {{receivers: [routing], exporters: [otlp/blue]}}
    traces/rest: {{receivers: [routing], exporters: [otlp/rest]}}
"#,
        blue.address(),
        rest.address()
    );
    let spanmill = Spanmill::start(&manifest).await;
    let grpc = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    for (number, tenant) in (1..).zip(["blue", "red", "blue", "green"]) {
        let sender = grpc.clone().with("x-tenant", tenant);
        sender.send_bytes(body(number, tenant)).await.unwrap();
    }
    let names = |found: Vec<Found>| {
        let mut names: Vec<String> = found.into_iter().map(|found| found.span.name).collect();
        names.sort();
        names
    };
    assert_eq!(names(blue.spans(2).await), ["blue", "blue"]);
    assert_eq!(names(rest.spans(2).await), ["green", "red"]);
    spanmill.stop().await;
}

/// One worker, kept busy, so that requests wait and could share a batch.
#[tokio::test(flavor = "multi_thread")]
async fn requests_that_share_a_batch_come_from_one_address_if_a_plugin_looks_at_it() {
    let backend = Backend::start().await;
    let manifest = format!(
        r#"
plugins:
  slow: {{file: {}}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  slow: {{behaviour: slow}}
  attributes: {{actions: [{{key: address, from_context: client.address, action: insert}}]}}
exporters:
  otlp: {{endpoint: "{}", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [slow, attributes], exporters: [otlp]}}
"#,
        guest("hostile").display(),
        backend.address()
    );
    let folder = tempfile::tempdir().unwrap();
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &["--workers", "1"]).await;
    let mut sending = JoinSet::new();
    for last in 1..=3u8 {
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
        let address = spanmill.address("receiver otlp grpc");
        let sender = GrpcSender::connect_from(from, address).await;
        for number in 0..20 {
            let sender = sender.clone();
            let number = number * 10 + u64::from(last);
            sending.spawn(async move { sender.send_bytes(body(number, "s")).await });
        }
    }
    while let Some(answer) = sending.join_next().await {
        answer.unwrap().unwrap();
    }
    let found = backend.spans(60).await;
    for found in &found {
        let number = found.span.span_id.last().unwrap() % 10;
        let from = format!("127.0.0.{number}");
        assert_eq!(of_span(found), expected(&[("address", &from)]));
    }
    let requests = backend.traces().len();
    assert!(
        requests < 60,
        "no two of {requests} requests shared a batch"
    );
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn validate_says_where_a_plugin_stands_that_learns_nothing() {
    let backend = Backend::start().await;
    let folder = tempfile::tempdir().unwrap();
    for (keeps, processors, expected) in [
        (true, "attributes", &[][..]),
        (true, "batch/by-tenant", &[]),
        (
            false,
            "attributes",
            &["attributes reads headers of requests, and no receiver of the pipeline keeps any"],
        ),
        (
            true,
            "batch, attributes",
            &[
                "attributes reads the header x-tenant, and batch before it has joined its senders",
                "attributes reads the address of senders, and batch before it has joined them",
            ],
        ),
        (
            true,
            "batch/by-tenant, attributes",
            &["attributes reads the address of senders, and batch/by-tenant before it"],
        ),
    ] {
        let manifest = manifest(keeps, processors, &backend);
        std::fs::write(folder.path().join("spanmill.yaml"), manifest).unwrap();
        let said = spanmill(folder.path(), &["validate", "--config", "spanmill.yaml"]).await;
        assert_eq!(said.code, Some(0), "{}", said.stderr);
        let warnings = said.stderr.matches("warning: pipeline traces: ").count();
        assert_eq!(warnings, expected.len(), "{processors}: {}", said.stderr);
        for expected in expected {
            assert!(said.stderr.contains(expected), "{}", said.stderr);
        }
    }
}
