//! Spans of the service's own work: of a request, each plugin and each export, below the sender's span.

use std::collections::BTreeMap;

use http::Method;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message as _;
use spanmill_tests::{Answer, Backend, Spanmill, flatten, http, request, span};

fn manifest(backend: &Backend, told: &Backend, sampler: &str) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  filter: {{trace_conditions: ['span.name == "dropped"']}}
exporters:
  otlp/backend: {{endpoint: {}, tls: {{insecure: true}}, retry_on_failure: {{enabled: false}}}}
service:
  telemetry:
    traces:
      sampler: {sampler}
      processors: [{{batch: {{schedule_delay: 10, exporter: {{otlp: {{protocol: grpc, endpoint: "{}", insecure: true}}}}}}}}]
  pipelines:
    traces: {{receivers: [otlp], processors: [filter], exporters: [otlp/backend]}}
"#,
        backend.address(),
        told.address()
    )
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const CALLER: &str = "b7ad6b7169203331";

async fn send(spanmill: &Spanmill, flags: &str) -> u16 {
    let body = request(
        "shop",
        vec![span(1, "kept", vec![]), span(2, "dropped", vec![])],
    )
    .encode_to_vec();
    let traceparent = format!("00-{TRACE}-{CALLER}-{flags}");
    let headers = [
        ("content-type", "application/x-protobuf"),
        ("traceparent", &traceparent),
    ];
    let address = spanmill.address("receiver otlp http");
    let reply = http(address, Method::POST, "/v1/traces", &headers, body).await;
    reply.status.as_u16()
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn by_name(told: &Backend) -> BTreeMap<String, Span> {
    let found = flatten(&told.traces()).into_iter();
    found
        .map(|found| (found.span.name.clone(), found.span))
        .collect()
}

fn count(span: &Span, key: &str) -> i64 {
    let value = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == key);
    match value.unwrap().value.clone().unwrap().value.unwrap() {
        opentelemetry_proto::tonic::common::v1::any_value::Value::IntValue(count) => count,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_s_trace_goes_on_through_receipt_plugins_and_export() {
    let (backend, told) = (Backend::start().await, Backend::start().await);
    let none_of_ours = "{parent_based: {root: {always_off: }}}";
    let spanmill = Spanmill::start(&manifest(&backend, &told, none_of_ours)).await;
    // A sender that does not record its trace, and one that does.
    assert_eq!(send(&spanmill, "00").await, 200);
    assert_eq!(send(&spanmill, "01").await, 200);
    told.spans(3).await;
    let spans = by_name(&told);
    let names: Vec<&str> = spans.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "exporter/otlp/backend/traces",
            "plugin/filter",
            "receiver/otlp/traces"
        ]
    );
    let receipt = &spans["receiver/otlp/traces"];
    assert_eq!(hex(&receipt.parent_span_id), CALLER);
    for (name, span) in &spans {
        assert_eq!(hex(&span.trace_id), TRACE);
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano);
        if name != "receiver/otlp/traces" {
            assert_eq!(span.parent_span_id, receipt.span_id, "{name}");
        }
    }
    assert_eq!(count(receipt, "items"), 2);
    let filter = &spans["plugin/filter"];
    assert_eq!(
        (count(filter, "items"), count(filter, "items.left")),
        (2, 1)
    );
    assert_eq!(count(&spans["exporter/otlp/backend/traces"], "items"), 1);
    assert_eq!(spanmill.stop().await.code, Some(0));
    assert_eq!(by_name(&told).len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_and_every_trace_is_recorded_if_asked_for() {
    let (backend, told) = (Backend::start().await, Backend::start().await);
    backend.answer(|_| Answer::Unavailable);
    let spanmill = Spanmill::start(&manifest(&backend, &told, "{always_on: }")).await;
    assert_eq!(send(&spanmill, "00").await, 200);
    let failed = |arrivals: &spanmill_tests::Arrivals| {
        let mut spans = arrivals.spans.iter().map(|(_, span)| span);
        spans.any(|span| {
            span.name.starts_with("exporter/")
                && span.status.as_ref().is_some_and(|status| status.code == 2)
        })
    };
    told.arrivals_until("the span of an export that failed", failed)
        .await;
}
