//! Senders that a header tells apart: `batch` and the sending queue join none of theirs with another's.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::Method;
use prost::Message as _;
use spanmill_tests::{Backend, GrpcSender, Spanmill, http, request, span};

/// A manifest whose receiver keeps headers.
fn manifest(batch: &str, queue: &str, pipelines: &str, backend: &Backend) -> String {
    format!(
        r#"
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0", include_metadata: true}}
      http: {{endpoint: "127.0.0.1:0", include_metadata: true}}
processors:
  batch: {batch}
  attributes:
    actions: [{{key: seen, value: true, action: insert}}]
connectors:
  forward:
exporters:
  otlp:
    endpoint: {}
    tls: {{insecure: true}}
    sending_queue: {queue}
service:
  pipelines:
{pipelines}
"#,
        backend.address()
    )
}

const ONE_PIPELINE: &str =
    "    traces: {receivers: [otlp], processors: [batch], exporters: [otlp]}";
const TWO_PIPELINES: &str =
    "    traces/in: {receivers: [otlp], processors: [attributes], exporters: [forward]}
    traces/out: {receivers: [forward], processors: [batch], exporters: [otlp]}";
const NO_BATCH: &str =
    "    traces: {receivers: [otlp], processors: [attributes], exporters: [otlp]}";

fn body(number: u64, tenant: &str) -> Bytes {
    request(tenant, vec![span(number, tenant, vec![])])
        .encode_to_vec()
        .into()
}

/// Sends by turns as each tenant: over HTTP with the header as it likes to write it, and over gRPC.
async fn send(spanmill: &Spanmill, tenants: &[&str], rounds: u64) {
    let grpc = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    for round in 0..rounds {
        for (place, tenant) in (1..).zip(tenants) {
            let body = body(round * 10 + place, tenant);
            match round % 2 {
                0 => {
                    let headers = [
                        ("content-type", "application/x-protobuf"),
                        ("X-Tenant", *tenant),
                    ];
                    let address = spanmill.address("receiver otlp http");
                    let reply = http(address, Method::POST, "/v1/traces", &headers, body).await;
                    assert_eq!(reply.status, 200, "{}", reply.text());
                }
                _ => grpc
                    .clone()
                    .with("x-tenant", tenant)
                    .send_bytes(body)
                    .await
                    .unwrap(),
            }
        }
    }
}

/// For each request that arrived, how many spans it had of whom.
fn tenants(backend: &Backend) -> Vec<BTreeMap<String, usize>> {
    let requests = backend.traces().into_iter();
    let requests = requests.map(|request| {
        let mut tenants = BTreeMap::new();
        let scopes = request
            .resource_spans
            .into_iter()
            .flat_map(|resource| resource.scope_spans);
        for span in scopes.flat_map(|scope| scope.spans) {
            *tenants.entry(span.name).or_default() += 1;
        }
        tenants
    });
    requests.collect()
}

async fn each_has_batches_of_its_own(batch: &str, queue: &str, pipelines: &str) {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(batch, queue, pipelines, &backend)).await;
    send(&spanmill, &["blue", "red"], 4).await;
    backend.spans(8).await;
    let mut arrived = tenants(&backend);
    arrived.sort();
    let of = |tenant: &str| BTreeMap::from([(tenant.to_owned(), 4)]);
    assert_eq!(arrived, [of("blue"), of("red")]);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_processor_joins_what_one_tenant_sends() {
    let batch = "{send_batch_size: 4, timeout: 1h, metadata_keys: [X-Tenant]}";
    each_has_batches_of_its_own(batch, "{num_consumers: 1}", ONE_PIPELINE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_go_along_through_a_connector() {
    let batch = "{send_batch_size: 4, timeout: 1h, metadata_keys: [x-tenant]}";
    each_has_batches_of_its_own(batch, "{num_consumers: 1}", TWO_PIPELINES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_joins_what_one_tenant_sends() {
    let partition = "partition: {metadata_keys: [x-tenant]}";
    let queue = format!("{{batch: {{min_size: 4, flush_timeout: 1h, {partition}}}}}");
    each_has_batches_of_its_own("{}", &queue, NO_BATCH).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_joins_what_a_batch_processor_kept_apart() {
    let batch = "{send_batch_size: 1, timeout: 1h, metadata_keys: [x-tenant]}";
    let partition = "partition: {metadata_keys: [x-tenant]}";
    let queue = format!("{{batch: {{min_size: 4, flush_timeout: 1h, {partition}}}}}");
    each_has_batches_of_its_own(batch, &queue, ONE_PIPELINE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_tenants_are_told_apart_at_once_than_allowed() {
    let backend = Backend::start().await;
    let batch = "{send_batch_size: 2, timeout: 1h, metadata_keys: [x-tenant], metadata_cardinality_limit: 2}";
    let manifest = manifest(batch, "{num_consumers: 1}", ONE_PIPELINE, &backend);
    let spanmill = Spanmill::start(&manifest).await;
    send(&spanmill, &["blue", "red"], 1).await;
    let address = spanmill.address("receiver otlp http");
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("x-tenant", "green"),
    ];
    let reply = http(
        address,
        Method::POST,
        "/v1/traces",
        &headers,
        body(3, "green"),
    )
    .await;
    assert_eq!(
        (reply.status.as_u16(), reply.header("retry-after")),
        (429, "1")
    );
    // Once one of the two has nothing at hand, there is room for another.
    let blue = [
        ("content-type", "application/x-protobuf"),
        ("x-tenant", "blue"),
    ];
    http(address, Method::POST, "/v1/traces", &blue, body(4, "blue")).await;
    let reply = http(
        address,
        Method::POST,
        "/v1/traces",
        &headers,
        body(3, "green"),
    )
    .await;
    assert_eq!(reply.status, 200);
    spanmill.stop().await;
    let mut arrived = tenants(&backend);
    arrived.sort();
    let of = |tenant: &str, spans| BTreeMap::from([(tenant.to_owned(), spans)]);
    assert_eq!(arrived, [of("blue", 2), of("green", 1), of("red", 1)]);
}
