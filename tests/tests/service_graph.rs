//! `servicegraph` through the real binary: requests between services, and those of which only one side ever comes.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::trace::v1::Span;
use spanmill_tests::{Arrivals, Backend, GrpcSender, Spanmill, attribute, request, span, text};

fn manifest(backend: &Backend) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
connectors:
  servicegraph:
    metrics_flush_interval: 50ms
    store: {{ttl: 100ms, max_items: 100}}
    virtual_node_peer_attributes: [peer.service]
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [servicegraph]}}
    metrics: {{receivers: [servicegraph], exporters: [otlp]}}
"#,
        backend.address()
    )
}

/// Who called whom, in the requests that were counted.
fn edges(arrivals: &Arrivals) -> Vec<(String, String)> {
    let mut edges = Vec::new();
    for (_, metric) in &arrivals.metrics {
        let Some(Data::Sum(sum)) = &metric.data else {
            continue;
        };
        if metric.name != "traces_service_graph_request_total" {
            continue;
        }
        for point in &sum.data_points {
            let label = |key| attribute(&point.attributes, key).to_owned();
            edges.push((label("client"), label("server")));
        }
    }
    edges.sort();
    edges.dedup();
    edges
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_make_a_request_and_one_alone_does_once_its_time_is_over_without_more_traffic() {
    let backend = Backend::start().await;
    let running = Spanmill::start(&manifest(&backend)).await;
    let sender = GrpcSender::connect(running.address("receiver otlp grpc")).await;
    let client = Span {
        kind: 3,
        ..span(1, "call", vec![])
    };
    let server = Span {
        kind: 2,
        trace_id: client.trace_id.clone(),
        parent_span_id: client.span_id.clone(),
        ..span(2, "serve", vec![])
    };
    let lonely = Span {
        kind: 3,
        ..span(3, "call", vec![text("peer.service", "billing")])
    };
    // The sides of a request come apart, and nothing comes after them.
    sender
        .send(&request("shop", vec![client, lonely]))
        .await
        .unwrap();
    sender.send(&request("cart", vec![server])).await.unwrap();
    let all = |arrivals: &Arrivals| edges(arrivals).len() == 2;
    let arrivals = backend.arrivals_until("both requests", all).await;
    let edge = |client: &str, server: &str| (client.to_owned(), server.to_owned());
    assert_eq!(
        edges(&arrivals),
        [edge("shop", "billing"), edge("shop", "cart")]
    );
}
