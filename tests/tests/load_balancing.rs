//! Two tiers: an exporter that sends each trace to one of several gateways, while these come and go under load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use opentelemetry_proto::tonic::trace::v1::Span;
use spanmill_tests::{Backend, Found, GrpcSender, Spanmill, request, span};

/// A gateway that marks each span with its name.
async fn gateway(name: &str, backend: &Backend) -> Spanmill {
    Spanmill::start(&format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  attributes:
    actions: [{{key: gateway, value: {name}, action: insert}}]
exporters:
  otlp: {{endpoint: "{}", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [attributes], exporters: [otlp]}}
"#,
        backend.address()
    ))
    .await
}

fn balancer(gateways: &[&Spanmill]) -> String {
    let names: Vec<String> = gateways
        .iter()
        .map(|gateway| format!("\"{}\"", gateway.address("receiver otlp grpc")))
        .collect();
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  loadbalancing:
    protocol:
      otlp: {{tls: {{insecure: true}}}}
    resolver:
      static: {{hostnames: [{}]}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [loadbalancing]}}
"#,
        names.join(", ")
    )
}

/// A span of a trace; its own id follows from both numbers.
fn of_trace(trace: u64, number: u64) -> Span {
    Span {
        trace_id: span(trace, "", vec![]).trace_id,
        ..span(trace * 10 + number, "s", vec![])
    }
}

/// The gateways of each trace.
fn gateways(found: &[Found]) -> BTreeMap<Vec<u8>, BTreeSet<String>> {
    let mut traces: BTreeMap<Vec<u8>, BTreeSet<String>> = BTreeMap::new();
    for found in found {
        let gateway = spanmill_tests::attribute(&found.span.attributes, "gateway").to_owned();
        traces
            .entry(found.span.trace_id.clone())
            .or_default()
            .insert(gateway);
    }
    traces
}

/// The parts of `traces`, each of ten spans that come in requests of their own, in turn.
async fn send(sender: &GrpcSender, traces: std::ops::Range<u64>) {
    for number in 0..10 {
        let spans = traces
            .clone()
            .map(|trace| of_trace(trace, number))
            .collect();
        sender.send(&request("shop", spans)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_stay_whole_and_no_span_is_lost_while_gateways_come_and_go() {
    let backend = Backend::start().await;
    let (one, two, three) = (
        gateway("one", &backend).await,
        gateway("two", &backend).await,
        gateway("three", &backend).await,
    );
    let front = Spanmill::start(&balancer(&[&one, &two, &three])).await;
    let sender = GrpcSender::connect(front.address("receiver otlp grpc")).await;

    send(&sender, 0..300).await;
    let before = backend.spans(3_000).await;
    let traces = gateways(&before);
    assert_eq!(traces.len(), 300);
    assert!(traces.values().all(|gateways| gateways.len() == 1));
    let used: BTreeSet<&String> = traces.values().flatten().collect();
    assert_eq!(used.len(), 3, "{used:?}");

    // One gateway ends and another comes, while spans are sent without a pause.
    let (is_over, sent) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
    );
    let load = tokio::spawn({
        let (is_over, sent) = (Arc::clone(&is_over), Arc::clone(&sent));
        let sender = GrpcSender::connect(front.address("receiver otlp grpc")).await;
        async move {
            let mut trace = 1_000;
            while !is_over.load(Relaxed) {
                send(&sender, trace..trace + 20).await;
                sent.fetch_add(200, Relaxed);
                trace += 20;
            }
        }
    });
    let reached = async |spans: u64| {
        while sent.load(Relaxed) < spans {
            tokio::task::yield_now().await;
        }
    };
    reached(1_000).await;
    two.stop().await;
    reached(sent.load(Relaxed) + 1_000).await;
    let four = gateway("four", &backend).await;
    front.edit(&balancer(&[&one, &three, &four]));
    front.logged("reloaded: exporter loadbalancing").await;
    reached(sent.load(Relaxed) + 1_000).await;
    is_over.store(true, Relaxed);
    load.await.unwrap();

    // Traces that begin now go whole to one of those that are there.
    send(&sender, 500..800).await;
    let expected = 6_000 + usize::try_from(sent.load(Relaxed)).unwrap();
    let all = backend.spans(expected).await;
    let ids: BTreeSet<&Vec<u8>> = all.iter().map(|found| &found.span.span_id).collect();
    assert_eq!((all.len(), ids.len()), (expected, expected));
    let after = gateways(&all);
    let moved = |trace: u64| after[&span(trace, "", vec![]).trace_id].clone();
    let mut used = BTreeSet::new();
    for trace in 500..800 {
        assert_eq!(moved(trace).len(), 1);
        used.extend(moved(trace));
    }
    assert_eq!(
        used.into_iter().collect::<Vec<_>>(),
        ["four", "one", "three"]
    );
    for spanmill in [front, one, three, four] {
        spanmill.stop().await;
    }
}

#[tokio::test]
async fn the_addresses_of_a_name_are_found() {
    let backend = Backend::start().await;
    let gateway = gateway("only", &backend).await;
    let port = gateway.address("receiver otlp grpc").port();
    let manifest = balancer(&[&gateway]).replace(
        &format!("static: {{hostnames: [\"127.0.0.1:{port}\"]}}"),
        &format!("dns: {{hostname: 127.0.0.1, port: {port}, interval: 100ms}}"),
    );
    assert!(manifest.contains("dns:"), "{manifest}");
    let front = Spanmill::start(&manifest).await;
    let sender = GrpcSender::connect(front.address("receiver otlp grpc")).await;
    send(&sender, 1..3).await;
    assert_eq!(gateways(&backend.spans(20).await).len(), 2);
    front.stop().await;
    gateway.stop().await;
}
