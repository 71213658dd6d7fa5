//! The same plugins in several languages: they make the same of the same input, take each other's place while spans flow, and are
//! told with their own file and line when they fail. `make language-guests` builds them from the SDKs' templates.

mod roles;

use http::Method;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use prost::Message as _;
use serde_json::Value as Json;
use spanmill_tests::{Backend, Spanmill, admin, guest, request, span, span_id, spanmill, text};

use super::swap::{Load, SPANS, once};

const LANGUAGES: [&str; 6] = ["rust", "js", "ts", "python", "go", "c"];
/// Those with a guest of every role; Rust's are in tests of their own, `hold.rs` and `connectors.rs` among them.
const OTHERS: [&str; 4] = ["js", "python", "go", "c"];
const SWAPS: usize = 100;

/// Spans of several services, with routes of every type and without.
fn mixed() -> Vec<u8> {
    let mut all = request("shop", vec![]);
    all.resource_spans.clear();
    for service in ["shop", "cart", "größe", ""] {
        let spans = (0..250u64).map(|number| {
            let route = |value| KeyValue {
                key: "http.route".to_owned(),
                value: Some(AnyValue { value: Some(value) }),
                ..KeyValue::default()
            };
            let attributes = match number % 6 {
                0 => vec![text("http.route", "/healthz")],
                1 => vec![text("http.route", "/größe/{id}")],
                2 => vec![],
                3 => vec![route(Value::IntValue(number as i64))],
                4 => vec![text("a", "/healthz"), text("http.route", "/ready")],
                _ => vec![route(Value::StringValue(String::new()))],
            };
            let mut span = span(number + 1, "call", attributes);
            span.kind = (number % 8) as i32;
            span.start_time_unix_nano += number * 1_000_003;
            span.end_time_unix_nano = match number % 50 {
                // Clocks of senders go backwards.
                0 => span.start_time_unix_nano - 1,
                _ => span.start_time_unix_nano + number * 777_777,
            };
            span
        });
        all.resource_spans
            .extend(request(service, spans.collect()).resource_spans);
    }
    all.encode_to_vec()
}

async fn replayed(manifest: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("manifest.yaml"), manifest).unwrap();
    std::fs::write(folder.path().join("input.pb"), mixed()).unwrap();
    let arguments = ["replay", "--config", "manifest.yaml", "--input", "input.pb"];
    let out = spanmill(folder.path(), &arguments).await;
    assert_eq!(out.code, Some(0), "{}", out.stderr);
    out.stdout
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_and_a_connector_make_the_same_in_each_language() {
    let filter = |language: &str| {
        format!(
            "plugins: {{golden: {{file: {}}}}}
receivers: {{nop: }}
processors: {{golden: {{routes: [/healthz, '/größe/{{id}}']}}}}
exporters: {{nop: }}
service: {{pipelines: {{traces: {{receivers: [nop], processors: [golden], exporters: [nop]}}}}}}",
            guest(&format!("drop_routes_{language}")).display()
        )
    };
    let connector = |language: &str| {
        format!(
            "plugins: {{golden: {{file: {}}}}}
receivers: {{nop: }}
connectors: {{golden: {{buckets_ms: [1, 10.5, 100]}}}}
exporters: {{nop: }}
service:
  pipelines:
    traces: {{receivers: [nop], exporters: [golden]}}
    metrics: {{receivers: [golden], exporters: [nop]}}",
            guest(&format!("route_calls_{language}")).display()
        )
    };
    let (filtered, counted) = (
        replayed(&filter("rust")).await,
        replayed(&connector("rust")).await,
    );
    assert!(filtered.len() > 100_000 && !filtered.contains("größe/{id}"));
    // After what reaches the connector.
    let counts: Json = serde_json::from_str(counted.lines().last().unwrap()).unwrap();
    let metrics = &counts["resourceMetrics"][0]["scopeMetrics"][0]["metrics"];
    assert_eq!(
        (&metrics[0]["name"], &metrics[1]["name"]),
        (&"route.calls".into(), &"route.duration".into())
    );
    for language in &LANGUAGES[1..] {
        assert!(
            replayed(&filter(language)).await == filtered,
            "drop_routes in {language}"
        );
        assert!(
            replayed(&connector(language)).await == counted,
            "route_calls in {language}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_span_is_accounted_for_through_a_hundred_swaps_among_languages() {
    let backend = Backend::start().await;
    let manifest = format!(
        r#"
plugins:
  golden: {{file: {}, memory_mib: 256}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  golden: {{routes: [/healthz]}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [golden], exporters: [otlp]}}
"#,
        guest("drop_routes_rust").display(),
        backend.address()
    );
    let spanmill = Spanmill::start(&manifest).await;
    let address = spanmill.address("admin http");
    let load = Load::start(&spanmill).await;
    for (swap, language) in (1..=SWAPS).zip(LANGUAGES.iter().cycle().skip(1)) {
        load.goes_on(3).await;
        let wasm = std::fs::read(guest(&format!("drop_routes_{language}"))).unwrap();
        let path = format!("/v1/plugins/golden/swap?name={language}.wasm&probation=2");
        let report = admin(address, Method::POST, &path, wasm).await;
        assert_eq!(
            report["components"][0]["component"], "golden",
            "swap {swap}: {report}"
        );
    }
    load.goes_on(3).await;
    let batches = load.end().await;
    spanmill.stop().await;
    let arrived = once(&backend);
    let sent = 1..=batches * SPANS;
    let kept = sent.filter(|number| number % 10 != 0).map(span_id);
    assert_eq!(
        arrived,
        kept.collect(),
        "each span once, but for the health checks"
    );
}

/// A manifest with a hostile guest of a language.
fn hostile(language: &str, how: &str, backend: &Backend) -> String {
    format!(
        r#"
plugins:
  hostile: {{file: {}, memory_mib: 192, timeout: 1s, on_error: pass}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  hostile: {{how: {how}}}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [hostile], exporters: [otlp]}}
"#,
        guest(&format!("hostile_{language}")).display(),
        backend.address()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_fails_is_told_with_file_and_line_and_the_batch_goes_on() {
    for (language, source) in [
        ("rust", "misbehave.rs:"),
        ("js", "misbehave.js:"),
        ("ts", "misbehave.ts:"),
        ("python", "misbehave.py"),
        ("go", "hostile.go:"),
        ("c", "hostile.c:"),
    ] {
        let backend = Backend::start().await;
        let spanmill = Spanmill::start(&hostile(language, "throw", &backend)).await;
        let sender =
            spanmill_tests::GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
        sender
            .send(&request("shop", vec![span(1, "one", vec![])]))
            .await
            .unwrap();
        assert_eq!(backend.spans(1).await.len(), 1, "{language}");
        spanmill.logged(source).await;
        assert!(
            spanmill.log().iter().any(|line| line.contains("misbehave")),
            "{language}: {:#?}",
            spanmill.log()
        );
        spanmill.stop().await;
    }
}

/// Whether a line of the log names the loop of `misbehave.py`, and the calls that led there.
fn names_the_loop(line: &str) -> bool {
    const SOURCE: &str = include_str!("../guests/python/misbehave.py");
    let at = |code: &str| 1 + SOURCE.lines().position(|line| line.trim() == code).unwrap();
    let head = at("while how == \"loop\":");
    // The loop has two lines.
    [head, head + 1].iter().any(|number| {
        line.contains(&format!(
            " in misbehave (/0/misbehave.py:{number}), called by prepare (/0/misbehave.py:{}), called by Misbehave.process (/0/misbehave.py:{}), called by ",
            at("misbehave(how)"),
            at("prepare(self.how)"),
        ))
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runtime_that_loops_or_leaks_costs_a_call_and_no_span() {
    for language in LANGUAGES {
        for how in ["loop", "leak"] {
            let backend = Backend::start().await;
            let spanmill = Spanmill::start(&hostile(language, how, &backend)).await;
            let sender =
                spanmill_tests::GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
            for number in 1..=3 {
                sender
                    .send(&request("shop", vec![span(number, "one", vec![])]))
                    .await
                    .unwrap();
            }
            assert_eq!(backend.spans(3).await.len(), 3, "{language}, {how}");
            let address = spanmill.address("admin http");
            let status = admin(address, Method::GET, "/v1/plugins/hostile", "").await;
            let faults = &status["version"]["faults"];
            match how {
                // While it pauses after repeated faults it is not called.
                "loop" => {
                    assert!(
                        faults["deadline"].as_u64() >= Some(1),
                        "{language}: {status}"
                    );
                    // Where compilers name functions, or the interpreter's memory tells the script's, the log does.
                    if !["js", "ts"].contains(&language) {
                        let line = spanmill.logged("did not return within 1s in ").await;
                        assert!(line.contains("misbehave"), "{language}: {line}");
                        assert!(language != "python" || names_the_loop(&line), "{line}");
                    }
                }
                _ => assert!(
                    !faults.as_object().unwrap().is_empty(),
                    "{language}: {status}"
                ),
            }
            spanmill.stop().await;
        }
    }
}

#[tokio::test]
async fn inspect_tells_what_a_plugin_was_made_with() {
    for (language, made_with) in [("go", "Go go1."), ("c", "clang"), ("js", "JavaScript")] {
        let plugin = guest(&format!("drop_routes_{language}"));
        let plugin = plugin.display().to_string();
        let folder = tempfile::tempdir().unwrap();
        let told = spanmill(folder.path(), &["inspect", &plugin]).await;
        assert_eq!(told.code, Some(0), "{}", told.stderr);
        let mut lines = told.stdout.lines();
        let found = lines.any(|line| {
            (line.starts_with("languages ") || line.starts_with("made with "))
                && line.contains(made_with)
        });
        assert!(found, "{language}: {}", told.stdout);
    }
}
