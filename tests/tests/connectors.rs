//! Connectors between pipelines: what is passed on, made of what was seen, and sent where it belongs.

use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::Event;
use spanmill_tests::{
    Answer, Arrivals, Backend, GrpcSender, Spanmill, attribute, request, service, span, spanmill,
    text,
};

fn manifest(processors: &str, connectors: &str, exporters: &str, pipelines: &str) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors: {processors}
connectors: {connectors}
exporters: {exporters}
service:
  pipelines:
{pipelines}
"#
    )
}

fn otlp(name: &str, backend: &Backend) -> String {
    format!(
        "otlp/{name}: {{endpoint: '{}', tls: {{insecure: true}}, sending_queue: {{enabled: false}}, retry_on_failure: {{enabled: false}}}}",
        backend.address()
    )
}

async fn start(manifest: &str) -> (Spanmill, GrpcSender) {
    let spanmill = Spanmill::start(manifest).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    (spanmill, sender)
}

fn names(found: &[spanmill_tests::Found]) -> Vec<String> {
    let mut names: Vec<_> = found.iter().map(|found| found.span.name.clone()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_leads_to_every_pipeline_that_takes_from_it_before_the_sender_is_answered() {
    let (one, other) = (Backend::start().await, Backend::start().await);
    let manifest = manifest(
        "{attributes/one: {actions: [{key: way, value: one, action: insert}]}, batch: {timeout: 1h}, filter: {traces: {span: ['name == \"health\"']}}}",
        "{forward: {}}",
        &format!("{{{}, {}}}", otlp("one", &one), otlp("other", &other)),
        r#"
    traces/in: {receivers: [otlp], processors: [filter], exporters: [forward]}
    traces/one: {receivers: [forward], processors: [attributes/one], exporters: [otlp/one]}
    traces/other: {receivers: [forward], processors: [], exporters: [otlp/other]}
"#,
    );
    let (spanmill, sender) = start(&manifest).await;
    let spans = vec![span(1, "cart", vec![]), span(2, "health", vec![])];
    sender.send(&request("shop", spans)).await.unwrap();
    // The sender was answered once both had it.
    assert_eq!(names(&one.spans(1).await), ["cart"]);
    assert_eq!(names(&other.spans(1).await), ["cart"]);
    assert_eq!(
        attribute(&one.spans(1).await[0].span.attributes, "way"),
        "one"
    );
    assert!(other.spans(1).await[0].span.attributes.is_empty());
    // What a backend says reaches the sender through two pipelines.
    one.answer(|_| Answer::Invalid);
    other.answer(|_| Answer::Invalid);
    let refused = sender
        .send(&request("shop", vec![span(3, "cart", vec![])]))
        .await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::InvalidArgument);
    spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn routing_sends_each_trace_to_its_pipelines_and_the_rest_to_the_default() {
    let backends = [
        Backend::start().await,
        Backend::start().await,
        Backend::start().await,
    ];
    let exporters = ["eu", "us", "rest"].iter().zip(&backends);
    let exporters: Vec<_> = exporters
        .map(|(name, backend)| otlp(name, backend))
        .collect();
    let manifest = manifest(
        "{}",
        r#"
  routing:
    default_pipelines: [traces/rest]
    table:
      - context: resource
        condition: attributes["service.name"] == "eu"
        pipelines: [traces/eu]
      - context: resource
        condition: attributes["service.name"] == "both"
        pipelines: [traces/eu, traces/us]
"#,
        &format!("{{{}}}", exporters.join(", ")),
        r#"
    traces/in: {receivers: [otlp], exporters: [routing]}
    traces/eu: {receivers: [routing], exporters: [otlp/eu]}
    traces/us: {receivers: [routing], exporters: [otlp/us]}
    traces/rest: {receivers: [routing], exporters: [otlp/rest]}
"#,
    );
    let (spanmill, sender) = start(&manifest).await;
    let mut all = request("eu", vec![span(1, "a", vec![])]);
    for (number, service) in [(2, "both"), (3, "else"), (4, "eu")] {
        let more = request(service, vec![span(number, "a", vec![])]);
        all.resource_spans.extend(more.resource_spans);
    }
    sender.send(&all).await.unwrap();
    let services =
        |found: Vec<spanmill_tests::Found>| found.iter().map(service).collect::<Vec<_>>();
    assert_eq!(services(backends[0].spans(3).await), ["eu", "both", "eu"]);
    assert_eq!(services(backends[1].spans(1).await), ["both"]);
    assert_eq!(services(backends[2].spans(1).await), ["else"]);
    let ended = spanmill.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
}

/// What all points of a sum come to, which counts from one to the next.
fn total(arrived: &Arrivals, name: &str) -> f64 {
    let metrics = arrived.metrics.iter().map(|(_, metric)| metric);
    let sums = metrics.filter(|metric| metric.name == name);
    let points = sums.flat_map(|metric| match &metric.data {
        Some(Data::Sum(sum)) => sum.data_points.clone(),
        other => panic!("{name} is not a sum: {other:?}"),
    });
    let values = points.map(|point| match point.value {
        Some(Number::AsInt(value)) => value as f64,
        Some(Number::AsDouble(value)) => value,
        None => 0.0,
    });
    values.sum()
}

/// A span with an exception.
fn failed(number: u64) -> Span {
    let event = Event {
        time_unix_nano: 77,
        name: "exception".to_owned(),
        attributes: vec![
            text("exception.type", "IOError"),
            text("exception.message", "disk full"),
            text("exception.stacktrace", "at main"),
        ],
        ..Event::default()
    };
    Span {
        events: vec![event],
        ..span(number, "save", vec![])
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exceptions_become_metrics_and_log_records_at_the_same_time() {
    let backend = Backend::start().await;
    let manifest = manifest(
        "{attributes: {actions: [{key: seen, value: yes-it-was, action: insert}]}}",
        "{exceptions: {}}",
        &format!("{{{}}}", otlp("all", &backend)),
        r#"
    traces: {receivers: [otlp], exporters: [exceptions]}
    metrics: {receivers: [exceptions], exporters: [otlp/all]}
    logs: {receivers: [exceptions], processors: [attributes], exporters: [otlp/all]}
"#,
    );
    let (spanmill, sender) = start(&manifest).await;
    let spans = vec![failed(1), span(2, "fine", vec![]), failed(3)];
    sender.send(&request("shop", spans)).await.unwrap();
    let ended = spanmill.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    let arrived = backend
        .arrivals_until("two records and the metric", |arrived| {
            arrived.logs.len() == 2 && total(arrived, "exceptions") == 2.0
        })
        .await;
    for (_, record) in &arrived.logs {
        assert_eq!(record.time_unix_nano, 77);
        assert_eq!(record.severity_text, "ERROR");
        assert_eq!(attribute(&record.attributes, "exception.type"), "IOError");
        assert_eq!(attribute(&record.attributes, "seen"), "yes-it-was");
        assert_eq!(record.trace_id.len(), 16);
    }
    for (resource, _) in &arrived.logs {
        assert_eq!(attribute(&resource.attributes, "service.name"), "shop");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn count_counts_every_signal() {
    let backend = Backend::start().await;
    let manifest = manifest(
        "{}",
        "{count: {}}",
        &format!("{{{}}}", otlp("all", &backend)),
        r#"
    traces: {receivers: [otlp], exporters: [count]}
    metrics/counts: {receivers: [count], exporters: [otlp/all]}
"#,
    );
    let (spanmill, sender) = start(&manifest).await;
    sender
        .send(&request("shop", vec![failed(1), span(2, "b", vec![])]))
        .await
        .unwrap();
    sender
        .send(&request("shop", vec![span(3, "b", vec![])]))
        .await
        .unwrap();
    spanmill.stop().await;
    backend
        .arrivals_until("the counts", |arrived| {
            total(arrived, "trace.span.count") == 3.0
                && total(arrived, "trace.span.event.count") == 1.0
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_that_lead_back_to_themselves_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest(
        "{}",
        "{forward/a: {}, forward/b: {}}",
        "{nop: {}}",
        r#"
    traces/one: {receivers: [otlp, forward/b], exporters: [forward/a]}
    traces/two: {receivers: [forward/a], exporters: [forward/b, nop]}
"#,
    );
    std::fs::write(folder.path().join("m.yaml"), manifest).unwrap();
    let output = spanmill(folder.path(), &["validate", "--config", "m.yaml"]).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    let expected = "leads back to where it comes from: traces/one -> traces/two -> traces/one";
    assert!(output.stderr.contains(expected), "{}", output.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_follows_connectors() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest(
        "{}",
        "{forward: {}, count: {}}",
        "{debug: {}}",
        r#"
    traces/in: {receivers: [otlp], exporters: [forward, count]}
    traces/out: {receivers: [forward], exporters: [debug]}
    metrics: {receivers: [count], exporters: [debug]}
"#,
    );
    std::fs::write(folder.path().join("m.yaml"), manifest).unwrap();
    let input = serde_json::to_string(&request("shop", vec![span(1, "a", vec![])])).unwrap();
    std::fs::write(folder.path().join("in.json"), input).unwrap();
    let arguments = ["replay", "--config", "m.yaml", "--input", "in.json"];
    let output = spanmill(folder.path(), &arguments).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    assert!(
        output.stdout.contains("trace.span.count"),
        "{}",
        output.stdout
    );
    assert!(
        output.stdout.contains("\"name\":\"a\""),
        "{}",
        output.stdout
    );
}
