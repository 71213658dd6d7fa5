//! One plugin of every role in each language, in every place that a manifest has for it. `tests/guests` has their sources,
//! which hold, route, record and measure alike.

use std::collections::BTreeSet;

use http::Method;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use spanmill_tests::{
    Arrivals, Backend, Found, GrpcSender, Spanmill, admin, attributes, guest, request, service,
    span, spanmill,
};

use super::OTHERS;

fn manifest(language: &str, a: &Backend, b: &Backend, made: &Backend) -> String {
    let otlp = |name: &str, backend: &Backend| {
        let address = backend.address();
        format!("otlp/{name}: {{endpoint: {address}, tls: {{insecure: true}}}}")
    };
    format!(
        r#"
plugins:
  roles: {{file: {}, memory_mib: 256}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  roles/hold: {{}}
connectors:
  roles/onward: {{}}
exporters: {{{}, {}, {}}}
service:
  pipelines:
    traces/in: {{receivers: [otlp], processors: [roles/hold], exporters: [roles/onward]}}
    traces/a: {{receivers: [roles/onward], exporters: [otlp/a]}}
    traces/b: {{receivers: [roles/onward], exporters: [otlp/b]}}
    logs: {{receivers: [roles/onward], exporters: [otlp/made]}}
    metrics: {{receivers: [roles/onward], exporters: [otlp/made]}}
"#,
        guest(&format!("roles_{language}")).display(),
        otlp("a", a),
        otlp("b", b),
        otlp("made", made),
    )
}

/// A span of a trace; its own id follows from both numbers.
fn of_trace(trace: u64, number: u64) -> Span {
    Span {
        trace_id: span(trace, "", vec![]).trace_id,
        ..span(trace * 10 + number, "call", vec![])
    }
}

/// A request of two resources, `one` and `two`.
fn sent(one: Vec<Span>, two: Vec<Span>) -> ExportTraceServiceRequest {
    let mut all = request("one", one);
    all.resource_spans
        .extend(request("two", two).resource_spans);
    all
}

/// Where spans come from, their ids, and what the plugin wrote of how many it had seen.
fn summary(found: &[Found]) -> Vec<(String, u8, String)> {
    let mut all: Vec<_> = found
        .iter()
        .map(|found| {
            let written = attributes(&found.span.attributes);
            let seen = written.into_iter().find(|(key, _)| key == "spans.seen");
            let seen = seen.map(|(_, value)| value).unwrap_or_default();
            (service(found).to_owned(), found.span.span_id[7], seen)
        })
        .collect();
    all.sort();
    all
}

/// Runs the plugin of a language, and puts that of another in its place while spans are held.
async fn every_role_works(language: &str, next: &str) {
    let (a, b, made) = (
        Backend::start().await,
        Backend::start().await,
        Backend::start().await,
    );
    let manifest = manifest(language, &a, &b, &made);
    // One worker, so that no batch is divided by trace.
    let folder = tempfile::tempdir().unwrap();
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &["--workers", "1"]).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let expected = |all: &[(&str, u8, &str)]| -> Vec<(String, u8, String)> {
        let owned = all.iter();
        owned
            .map(|(service, id, seen)| ((*service).to_owned(), *id, (*seen).to_owned()))
            .collect()
    };

    // Traces 1 and 3 go on at once, each resource to another pipeline; 2 and 4 are held.
    let first = sent(
        vec![of_trace(1, 1), of_trace(2, 1)],
        vec![of_trace(3, 1), of_trace(4, 1)],
    );
    sender.send(&first).await.unwrap();
    let (to_a, to_b) = (a.spans(1).await, b.spans(1).await);
    assert_eq!(summary(&to_a), expected(&[("one", 11, "")]), "{language}");
    assert_eq!(summary(&to_b), expected(&[("two", 31, "")]), "{language}");

    // The next knows how many there were.
    let wasm = std::fs::read(guest(&format!("roles_{next}"))).unwrap();
    let address = spanmill.address("admin http");
    let path = "/v1/plugins/roles%2Fhold/swap?allow_more=true";
    let report = admin(address, Method::POST, path, wasm).await;
    let handed_over = &report["components"][0]["state_handed_over"];
    assert_eq!(handed_over, true, "{language}: {report}");

    // Now there are two spans of each, so the plugin asks to be shown them again, releases 4 and drops 2.
    let second = sent(vec![of_trace(4, 2)], vec![of_trace(2, 2)]);
    sender.send(&second).await.unwrap();
    let (to_a, to_b) = (a.spans(2).await, b.spans(2).await);
    let ended = spanmill.stop().await;
    let log = ended.log.join("\n");
    assert_eq!(ended.code, Some(0), "{language}: {log}");
    assert!(!log.contains("fault"), "{language}: {log}");
    let mut all = summary(&[to_a, to_b].concat());
    let came = [
        ("one", 11, ""),
        ("one", 42, "2"),
        ("two", 31, ""),
        ("two", 41, "1"),
    ];
    assert_eq!(all, expected(&came), "{language}");
    all = summary(&[a.spans(2).await, b.spans(2).await].concat());
    assert_eq!(all.len(), 4, "{language}: {all:?}");

    let arrived: Arrivals = made
        .arrivals_until("four log records and five metrics", |arrived| {
            arrived.logs.len() >= 4 && metrics(arrived).len() == 5
        })
        .await;
    let mut of: Vec<_> = arrived
        .logs
        .iter()
        .map(|(resource, record)| {
            assert_eq!(record.severity_number, 9, "{language}");
            assert_eq!(record.trace_id.len(), 16, "{language}");
            attributes(&resource.attributes)[0].1.clone()
        })
        .collect();
    of.sort();
    assert_eq!(of, ["one", "one", "two", "two"], "{language}");
}

/// The names of metrics.
fn metrics(arrived: &Arrivals) -> BTreeSet<&str> {
    let metrics = arrived.metrics.iter();
    metrics.map(|(_, metric)| metric.name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_of_every_role_works_in_each_language() {
    for (language, next) in OTHERS.iter().zip(OTHERS.iter().cycle().skip(1)) {
        every_role_works(language, next).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_of_every_role_keeps_the_contract_in_each_language() {
    for language in OTHERS {
        let folder = tempfile::tempdir().unwrap();
        let plugin = guest(&format!("roles_{language}"));
        let plugin = plugin.display().to_string();
        let arguments = ["plugin", "test", "--conformance", &plugin];
        let pipelines = ["--pipelines", "traces/a,traces/b"];
        let out = spanmill(folder.path(), &[&arguments[..], &pipelines].concat()).await;
        assert_eq!(
            out.code,
            Some(0),
            "{language}: {}{}",
            out.stdout,
            out.stderr
        );
        for told in [
            "as a processor:",
            "as a connector:",
            "as a record connector:",
            "as a router:",
            "rows shown again",
            "format ",
        ] {
            assert!(
                out.stdout.contains(told),
                "{language}, {told}: {}",
                out.stdout
            );
        }
    }
}
