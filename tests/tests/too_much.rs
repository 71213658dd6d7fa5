//! Answers of plugins that are too much for a batch: it is divided, or refused for good, and others notice nothing.

use bytes::Bytes;
use http::Method;
use prost::Message as _;
use spanmill_tests::{Backend, GrpcSender, Spanmill, http, request, service, span, text};
use tonic::Code;

fn manifest(backend: &Backend, processors: &str, limits: &str) -> String {
    format!(
        r#"
limits: {{{limits}}}
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0", include_metadata: true}}
      http: {{endpoint: "127.0.0.1:0", include_metadata: true}}
processors:
  batch: {{send_batch_size: 5010, timeout: 1h}}
  groupbyattrs: {{keys: [host.name]}}
  attributes: {{actions: [{{key: tenant, from_context: metadata.x-tenant, action: insert}}]}}
exporters:
  otlp: {{endpoint: "{}", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [{processors}], exporters: [otlp]}}
"#,
        backend.address()
    )
}

/// Spans that all go under resources of their own, each of which has 10 KB that would be repeated.
fn hosts(first: u64, count: u64) -> Bytes {
    let spans = (first..first + count).map(|number| {
        let host = text("host.name", &format!("host-{number}"));
        span(number, "s", vec![host])
    });
    let mut request = request("many", spans.collect());
    let resource = request.resource_spans[0].resource.as_mut().unwrap();
    resource.attributes.push(text("pad", &"x".repeat(10_000)));
    request.encode_to_vec().into()
}

fn plain(first: u64, count: u64) -> Bytes {
    let spans = (first..first + count).map(|number| span(number, "s", vec![]));
    request("shop", spans.collect()).encode_to_vec().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_joined_is_divided_until_it_is_not_too_much() {
    let backend = Backend::start().await;
    let manifest = manifest(&backend, "batch, groupbyattrs", "");
    let spanmill = Spanmill::start(&manifest).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender.send_bytes(plain(1, 10)).await.unwrap();
    sender.send_bytes(hosts(100, 5000)).await.unwrap();
    let found = backend.spans(5010).await;
    let of_shop = found.iter().filter(|found| service(found) == "shop");
    assert_eq!(of_shop.count(), 10);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_to_too_much_is_refused_for_good() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, "groupbyattrs", "")).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    // Also the first, before anything has gone well.
    for first in [100, 10_000] {
        let refused = sender.send_bytes(hosts(first, 5000)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument, "{refused}");
        assert!(refused.message().contains("groupbyattrs"), "{refused}");
        sender.send_bytes(plain(first, 10)).await.unwrap();
    }
    backend.spans(20).await;
    spanmill.stop().await;
}

/// A header that a plugin writes to each span takes as much memory for each.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_header_may_become_counts_before_it_does() {
    let backend = Backend::start().await;
    let manifest = manifest(&backend, "attributes", "in_flight_mib: 64");
    let spanmill = Spanmill::start(&manifest).await;
    let long = "t".repeat(20_000);
    let send = async |tenant: &str, first: u64| {
        let headers = [
            ("content-type", "application/x-protobuf"),
            ("x-tenant", tenant),
        ];
        let address = spanmill.address("receiver otlp http");
        http(
            address,
            Method::POST,
            "/v1/traces",
            &headers,
            plain(first, 5000),
        )
        .await
    };
    let reply = send(&long, 1).await;
    assert_eq!(reply.status, 413, "{}", reply.text());
    assert!(
        reply.text().contains("limits.in_flight_mib"),
        "{}",
        reply.text()
    );
    assert_eq!(send("blue", 10_000).await.status, 200);
    backend.spans(5000).await;
    spanmill.stop().await;
}
