//! Apps without a line of code for it, instrumented as the SDKs' guides say, send all three signals.

use spanmill_tests::{App, Arrivals, Backend, Spanmill, attribute};

const ORDERS: usize = 3;

fn manifest(backend: &Backend) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}, http: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 512}}
  batch: {{timeout: 200ms}}
exporters:
  otlp: {{endpoint: "{address}", tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp]}}
    logs: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp]}}
    metrics: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp]}}
"#,
        address = backend.address()
    )
}

/// Uses the app, and checks what its SDK sent. `path` is the attribute with a request's path, `duration` the histogram
/// of requests.
async fn check(app: App, spanmill: Spanmill, backend: Backend, path: &str, duration: &str) {
    for number in 1..=ORDERS {
        let reply = app.get(&format!("/orders/{number}")).await;
        assert_eq!(reply.status, 200);
    }
    assert_eq!(app.get("/broken").await.status, 500);
    // While the app runs.
    let all_there = |got: &Arrivals| {
        got.spans.len() > ORDERS
            && got.logged(&format!("order {ORDERS} is late")).len() == 1
            && got.measured(duration) > ORDERS as u64
    };
    backend.arrivals_until("every signal", all_there).await;
    // What it still has when it ends.
    assert_eq!(app.get("/orders/last").await.status, 200);
    app.stop().await;
    let log = spanmill.stop().await.log;
    let refused = ["WARN", "ERROR"].map(|level| format!("\"level\":\"{level}\""));
    for line in log {
        assert!(!refused.iter().any(|level| line.contains(level)), "{line}");
    }

    let got = Arrivals::of(&backend.taken());
    assert_eq!(got.spans.len(), ORDERS + 2);
    assert_eq!(got.measured(duration), ORDERS as u64 + 2);
    assert_eq!(got.counted("shop.orders"), ORDERS as f64 + 1.0);
    for resource in got.resources() {
        assert_eq!(attribute(&resource.attributes, "service.name"), "shop");
    }
    let numbers = (1..=ORDERS).map(|number| number.to_string());
    for number in numbers.chain(["last".to_owned()]) {
        let target = format!("/orders/{number}");
        let spans = got.spans.iter().map(|(_, span)| span);
        let spans: Vec<_> = spans
            .filter(|span| attribute(&span.attributes, path) == target)
            .collect();
        let records = got.logged(&format!("order {number} is late"));
        let ([span], [record]) = (&spans[..], &records[..]) else {
            panic!("{target}: {spans:?}, {records:?}");
        };
        assert_eq!(record.trace_id, span.trace_id);
        assert_eq!(record.span_id, span.span_id);
        assert_eq!((span.trace_id.len(), record.severity_number), (16, 13));
    }
    let failed = got.spans.iter().map(|(_, span)| span);
    let failed: Vec<_> = failed
        .filter(|span| span.status.as_ref().is_some_and(|status| status.code == 2))
        .collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(attribute(&failed[0].attributes, path), "/broken");
}

async fn flask(protocol: &str, receiver: &str) {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend)).await;
    let app = App::flask("shop", protocol, spanmill.address(receiver)).await;
    check(
        app,
        spanmill,
        backend,
        "http.target",
        "http.server.duration",
    )
    .await;
}

async fn node(protocol: &str, receiver: &str) {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend)).await;
    let app = App::node("shop", protocol, spanmill.address(receiver)).await;
    let duration = "http.server.request.duration";
    check(app, spanmill, backend, "url.path", duration).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flask_over_grpc() {
    flask("grpc", "receiver otlp grpc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flask_over_http_as_protobuf() {
    flask("http/protobuf", "receiver otlp http").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_over_grpc() {
    node("grpc", "receiver otlp grpc").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_over_http_as_protobuf() {
    node("http/protobuf", "receiver otlp http").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_over_http_as_json() {
    node("http/json", "receiver otlp http").await;
}
