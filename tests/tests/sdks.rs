//! The OpenTelemetry SDKs send through every built-in plugin, and what comes out is exactly what the manifest
//! says: the same requests go to one backend as they are and to another processed, and the difference is
//! worked out here from the manifest.

mod expected;

use spanmill_tests::prometheus::{Sample, samples};
use spanmill_tests::{Backend, Found, Spanmill, flatten, get, node, python, service, within};

use expected::{Calls, calls, processed};

fn manifest(raw: &Backend, processed: &Backend) -> String {
    format!(
        r#"
receivers:
  otlp:
    protocols:
      grpc: {{endpoint: "127.0.0.1:0"}}
      http: {{endpoint: "127.0.0.1:0"}}
processors:
  filter:
    traces:
      span:
        - attributes["http.route"] == "/healthz"
  redaction:
    allow_all_keys: true
    blocked_values:
      - '[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{{2,}}'
    summary: debug
  attributes:
    actions:
      - {{key: processed.by, value: spanmill, action: upsert}}
      - {{key: session.token, action: delete}}
      - {{key: http.request.method, value: changed, action: insert}}
      - {{key: peer.service, value: masked, action: update}}
      - {{key: tier, from_attribute: http.route, action: insert}}
  resource:
    attributes:
      - {{key: host.secret, action: delete}}
      - {{key: deployment.environment.name, value: production, action: update}}
      - {{key: region, value: eu-1, action: insert}}
  probabilistic_sampler:
    sampling_percentage: 50
    hash_seed: 22
connectors:
  spanmetrics:
    metrics_flush_interval: 100ms
    dimensions:
      - name: http.route
    exemplars: {{enabled: true}}
exporters:
  otlp/raw:
    endpoint: {raw}
    tls: {{insecure: true}}
    sending_queue: {{num_consumers: 1}}
  otlp/processed:
    endpoint: {processed}
    tls: {{insecure: true}}
    compression: zstd
    sending_queue: {{num_consumers: 1}}
  prometheus:
    endpoint: 127.0.0.1:0
    enable_open_metrics: true
service:
  pipelines:
    traces/raw:
      receivers: [otlp]
      exporters: [otlp/raw]
    traces:
      receivers: [otlp]
      processors: [filter, redaction, attributes, resource, probabilistic_sampler]
      exporters: [otlp/processed]
    traces/measured:
      receivers: [otlp]
      processors: [filter]
      exporters: [spanmetrics]
    metrics:
      receivers: [spanmetrics]
      exporters: [prometheus]
"#,
        raw = raw.address(),
        processed = processed.address(),
    )
}

const TRACES: usize = 60;
/// Spans of a trace that a client makes, and one of them is a health check.
const EACH: usize = 3;

/// Checks what came out against what went in, and gives what went in.
async fn check(raw: &Backend, out: &Backend, from: usize) -> Vec<Found> {
    let sent = raw.spans(from + TRACES * EACH).await.split_off(from);
    assert_eq!(sent.len(), TRACES * EACH);
    let expected = processed(&sent);
    assert!(
        expected.len() > TRACES / 4 && expected.len() < TRACES * 2,
        "half of {TRACES} traces are sampled, not {} spans",
        expected.len()
    );
    let mine = |found: &Found| service(found) == service(&sent[0]);
    let all = flatten(&out.traces()).into_iter().filter(mine).count();
    let before = out.spans(0).await.len() - all;
    let got: Vec<Found> = out.spans(before + expected.len()).await;
    let got: Vec<Found> = got.into_iter().filter(mine).collect();
    for (got, expected) in got.iter().zip(&expected) {
        assert_eq!(got, expected);
    }
    assert_eq!(got.len(), expected.len());
    assert!(got.iter().all(|found| found.span.name != "GET /healthz"));
    sent
}

async fn page(spanmill: &Spanmill, open: bool, spans: f64) -> (String, Vec<Sample>) {
    let address = spanmill.address("exporter prometheus http");
    within("every span in the metrics", async {
        loop {
            let reply = get(address, "/metrics", open).await;
            let samples = samples(&reply.text());
            let calls = samples
                .iter()
                .filter(|sample| sample.name == "traces_span_metrics_calls_total");
            if calls.map(|sample| sample.value).sum::<f64>() >= spans {
                return (reply.text(), samples);
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

/// Checks counts, durations' counts and exemplars of what was measured.
async fn check_metrics(spanmill: &Spanmill, sent: &[Found]) {
    let expected = calls(sent);
    let spans: u64 = expected.values().sum();
    let (text, samples) = page(spanmill, true, spans as f64).await;
    assert!(text.ends_with("# EOF\n"), "{text}");
    for name in [
        "traces_span_metrics_calls_total",
        "traces_span_metrics_duration_milliseconds_count",
    ] {
        let series = samples.iter().filter(|sample| sample.name == name);
        let got: Calls = series
            .map(|sample| {
                let labels = [
                    "service_name",
                    "span_name",
                    "span_kind",
                    "status_code",
                    "http_route",
                ];
                (
                    labels.map(|label| sample.label(label).to_owned()),
                    sample.value as u64,
                )
            })
            .collect();
        assert_eq!(got, expected, "{name}\n{text}");
    }
    let ids: Vec<String> = sent.iter().map(|found| hex(&found.span.trace_id)).collect();
    let exemplars = samples.iter().filter_map(|sample| sample.exemplar.as_ref());
    let exemplars: Vec<_> = exemplars.collect();
    assert!(!exemplars.is_empty(), "{text}");
    for exemplar in exemplars {
        assert!(ids.contains(&exemplar["trace_id"]), "{exemplar:?}");
    }
    let (text, samples) = page(spanmill, false, spans as f64).await;
    assert!(
        samples.iter().all(|sample| sample.exemplar.is_none()),
        "{text}"
    );
    assert!(!text.contains("# EOF"));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn python_over_grpc_and_node_over_http_come_out_as_the_manifest_says() {
    let (raw, out) = (Backend::start().await, Backend::start().await);
    let spanmill = Spanmill::start(&manifest(&raw, &out)).await;

    python(spanmill.address("receiver otlp grpc"), TRACES).await;
    let mut sent = check(&raw, &out, 0).await;
    check_metrics(&spanmill, &sent).await;

    let http = spanmill.address("receiver otlp http");
    node(http, "proto", TRACES).await;
    sent.extend(check(&raw, &out, TRACES * EACH).await);
    check_metrics(&spanmill, &sent).await;

    let log = spanmill.stop().await.log.join("\n");
    for secret in ["@example.com", "token-", "never to leave"] {
        assert!(!log.contains(secret), "{secret} in the log:\n{log}");
    }
    let encodings = |backend: &Backend, encoding: &str| {
        backend
            .taken()
            .iter()
            .all(|one| one.headers["grpc-encoding"] == encoding)
    };
    assert!(encodings(&raw, "gzip") && encodings(&out, "zstd"));
}

#[tokio::test(flavor = "multi_thread")]
async fn node_over_http_as_json_comes_out_as_the_manifest_says() {
    let (raw, out) = (Backend::start().await, Backend::start().await);
    let spanmill = Spanmill::start(&manifest(&raw, &out)).await;
    node(spanmill.address("receiver otlp http"), "json", TRACES).await;
    let sent = check(&raw, &out, 0).await;
    check_metrics(&spanmill, &sent).await;
    spanmill.stop().await;
}
