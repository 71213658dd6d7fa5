//! What the real binary tells about itself: scraped, pushed, and by the names that dashboards know.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use spanmill_tests::{
    Answer, Backend, GrpcSender, Spanmill, get, prometheus, request, span, spanmill, text, within,
};

fn manifest(backend: &Backend, metrics: &str) -> String {
    format!(
        r#"
receivers:
  otlp:
    protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}, http: {{endpoint: "127.0.0.1:0"}}}}
processors:
  filter:
    traces: {{span: ['attributes["drop"] == "yes"']}}
exporters:
  otlp:
    endpoint: "{}"
    tls: {{insecure: true}}
    sending_queue: {{queue_size: 2, num_consumers: 1}}
    retry_on_failure: {{initial_interval: 10ms, max_interval: 10ms}}
service:
  telemetry: {{metrics: {metrics}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [filter], exporters: [otlp]}}
"#,
        backend.address()
    )
}

const PULL: &str = "{readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0, without_units: true, without_type_suffix: true, without_scope_info: true}}}}]}";

/// The value of a series that has these labels, among others; `None` if there is none.
async fn value(spanmill: &Spanmill, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let page = get(spanmill.address("telemetry http"), "/metrics", false).await;
    assert_eq!(page.status, 200);
    let samples = prometheus::samples(&page.text());
    let has = |sample: &&prometheus::Sample| {
        sample.name == name
            && labels
                .iter()
                .all(|(key, value)| sample.label(key) == *value)
    };
    samples.iter().find(has).map(|sample| sample.value)
}

async fn becomes(spanmill: &Spanmill, name: &str, labels: &[(&str, &str)], wanted: f64) {
    within(&format!("{name} {labels:?} {wanted}"), async {
        while value(spanmill, name, labels).await != Some(wanted) {}
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_scraped_is_what_was_sent_dropped_and_refused() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, PULL)).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let spans = |first: u64| {
        let dropped = span(first + 1, "two", vec![text("drop", "yes")]);
        request("shop", vec![span(first, "one", vec![]), dropped])
    };
    sender.send(&spans(1)).await.unwrap();
    let json = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"a"}]}]}]}"#;
    let http = spanmill.address("receiver otlp http");
    let path = "/v1/traces";
    let sent = spanmill_tests::http(
        http,
        http_method(),
        path,
        &[("content-type", "application/json")],
        json,
    )
    .await;
    assert_eq!(sent.status, 200);
    backend.spans(2).await;
    let receiver = ("receiver", "otlp");
    becomes(
        &spanmill,
        "otelcol_receiver_accepted_spans",
        &[receiver, ("transport", "grpc")],
        2.0,
    )
    .await;
    becomes(
        &spanmill,
        "otelcol_receiver_accepted_spans",
        &[receiver, ("transport", "http")],
        1.0,
    )
    .await;
    let processor = [("processor", "filter"), ("otel_signal", "traces")];
    becomes(
        &spanmill,
        "otelcol_processor_incoming_items",
        &processor,
        3.0,
    )
    .await;
    becomes(
        &spanmill,
        "otelcol_processor_outgoing_items",
        &processor,
        2.0,
    )
    .await;
    becomes(
        &spanmill,
        "otelcol_exporter_sent_spans",
        &[("exporter", "otlp")],
        2.0,
    )
    .await;
    becomes(
        &spanmill,
        "otelcol_exporter_queue_capacity",
        &[("exporter", "otlp"), ("data_type", "traces")],
        2.0,
    )
    .await;
    becomes(
        &spanmill,
        "spanmill_plugin_dropped_items",
        &[("plugin", "filter")],
        1.0,
    )
    .await;
    for name in [
        "otelcol_process_uptime",
        "otelcol_process_cpu_seconds",
        "otelcol_process_memory_rss",
    ] {
        assert!(
            value(&spanmill, name, &[])
                .await
                .is_some_and(|value| value > 0.0),
            "{name}"
        );
    }

    // A backend that takes nothing, until the queue is full.
    backend.answer(|_| Answer::Unavailable);
    let mut taken = 0;
    let refused = loop {
        match sender.send(&spans(10 + 2 * taken)).await {
            Ok(()) => taken += 1,
            Err(status) => break status,
        }
    };
    assert_eq!(refused.code(), tonic::Code::ResourceExhausted);
    assert_eq!(taken, 2);
    becomes(
        &spanmill,
        "otelcol_receiver_refused_spans",
        &[receiver, ("transport", "grpc")],
        2.0,
    )
    .await;
    becomes(
        &spanmill,
        "otelcol_exporter_queue_size",
        &[("exporter", "otlp")],
        2.0,
    )
    .await;
    becomes(
        &spanmill,
        "otelcol_exporter_enqueue_failed_spans",
        &[("exporter", "otlp")],
        1.0,
    )
    .await;
    becomes(
        &spanmill,
        "spanmill_exporter_failing",
        &[("exporter", "otlp")],
        1.0,
    )
    .await;
    backend.answer(|_| Answer::Take);
    becomes(
        &spanmill,
        "otelcol_exporter_sent_spans",
        &[("exporter", "otlp")],
        4.0,
    )
    .await;
    becomes(
        &spanmill,
        "otelcol_exporter_queue_size",
        &[("exporter", "otlp")],
        0.0,
    )
    .await;
    spanmill.stop().await;
}

fn http_method() -> http::Method {
    http::Method::POST
}

#[tokio::test(flavor = "multi_thread")]
async fn top_shows_what_passes_and_what_is_refused() {
    let backend = Backend::start().await;
    let spanmill = Spanmill::start(&manifest(&backend, "{level: none}")).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let one = request("shop", vec![span(1, "one", vec![])]);
    sender.send(&one).await.unwrap();
    backend.spans(1).await;
    let admin = format!("http://{}", spanmill.address("admin http"));
    let folder = tempfile::tempdir().unwrap();
    let top = ["top", "--once", "--interval", "100ms", "--admin", &admin];
    let shown = spanmill_tests::spanmill(folder.path(), &top).await;
    assert_eq!(shown.code, Some(0), "{}", shown.stderr);
    let cells = |first: &str| -> Vec<String> {
        let line = shown.stdout.lines().find(|line| line.starts_with(first));
        let line = line.unwrap_or_else(|| panic!("{}", shown.stdout));
        line.split_whitespace().map(str::to_owned).collect()
    };
    assert_eq!(cells("RECEIVER")[3], "ACCEPTED/S");
    // Nothing has come since it began to look.
    assert_eq!(cells("otlp  "), ["otlp", "grpc", "traces", "0", "0", "0"]);
    assert_eq!(
        cells("filter")[..6],
        ["filter", "running", "0", "0", "0", "0"]
    );
    assert!(shown.stdout.contains("0/2 requests"), "{}", shown.stdout);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_pushed_over_either_protocol_with_the_resource_that_is_asked_for() {
    for (protocol, endpoint) in [("http/protobuf", "http://{}"), ("grpc", "http://{}")] {
        let (backend, own) = (Backend::start().await, Backend::start().await);
        let endpoint = endpoint.replace("{}", &own.address());
        let metrics = format!(
            "{{readers: [{{periodic: {{interval: 100, exporter: {{otlp: {{protocol: {protocol}, endpoint: '{endpoint}'}}}}}}}}]}}"
        );
        let text = manifest(&backend, &metrics).replace(
            "telemetry: {metrics",
            "telemetry: {resource: {team: platform}, metrics",
        );
        let spanmill = Spanmill::start(&text).await;
        let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
        sender
            .send(&request("shop", vec![span(1, "one", vec![])]))
            .await
            .unwrap();
        backend.spans(1).await;
        let accepted = |request: &ExportMetricsServiceRequest| {
            let resource = request.resource_metrics.first()?;
            let metrics = &resource.scope_metrics.first()?.metrics;
            metrics
                .iter()
                .find(|metric| metric.name == "otelcol_receiver_accepted_spans")?;
            Some(resource.resource.clone()?.attributes)
        };
        let resource = within("pushed metrics", async {
            loop {
                own.seen(own.seen_so_far() + 1).await;
                if let Some(resource) = own.metrics().iter().find_map(accepted) {
                    break resource;
                }
            }
        })
        .await;
        for (key, value) in [("service.name", "spanmill"), ("team", "platform")] {
            assert_eq!(
                spanmill_tests::attribute(&resource, key),
                value,
                "{protocol}"
            );
        }
        spanmill.stop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_told_as_asked_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let validate = async |metrics: &str| {
        let text = format!(
            "receivers: {{nop: }}\nexporters: {{nop: }}\nservice:\n  telemetry:\n    metrics: {metrics}\n  pipelines: {{traces: {{receivers: [nop], exporters: [nop]}}}}\n"
        );
        std::fs::write(folder.path().join("m.yaml"), text).unwrap();
        spanmill(folder.path(), &["validate", "--config", "m.yaml"]).await
    };
    for (metrics, message) in [
        (
            "{readers: [{pull: {exporter: {prometheus: {port: 70000}}}}]}",
            "must be a port up to 65535",
        ),
        (
            "{readers: [{}]}",
            "a reader is either `pull:` or `periodic:`",
        ),
        (
            "{readers: [{periodic: {exporter: {otlp: {endpoint: 'http://a'}}}}]}",
            "protocol is missing",
        ),
        (
            "{readers: [{periodic: {exporter: {otlp: {protocol: grpc, endpoint: 'http://'}}}}]}",
            "this is no URL",
        ),
        (
            "{readers: [{periodic: {exporter: {console: }}}]}",
            "console is not supported",
        ),
        ("{level: loud}", "metrics: level"),
    ] {
        let told = validate(metrics).await;
        assert_eq!(told.code, Some(1), "{metrics}: {}", told.stderr);
        assert!(told.stderr.contains(message), "{metrics}: {}", told.stderr);
        assert!(
            told.stderr.contains("m.yaml:5"),
            "{metrics}: {}",
            told.stderr
        );
    }
    for metrics in [
        "{level: none}",
        "{address: '127.0.0.1:0'}",
        "{level: detailed}",
    ] {
        let told = validate(metrics).await;
        assert_eq!(told.code, Some(0), "{metrics}: {}", told.stderr);
    }
}
