//! The configurations of five guides to the Collector, run as they stand but for what the tests name: auto-instrumented
//! apps in front; Prometheus, Jaeger and the tests' own backend behind. A second file gives each of them pipelines for
//! logs and metrics, since no guide has one for logs.

use std::path::Path;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::trace::v1::Span;
use rcgen::CertifiedKey;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use spanmill_tests::prometheus::{Prometheus, Series, VictoriaMetrics};
use spanmill_tests::{App, Arrivals, Backend, Configuration, Ended, Jaeger, Spanmill, attribute};

macro_rules! configuration {
    ($name:literal) => {
        Configuration::new(include_str!(concat!(
            "../../host/spanmill/src/config/tests/collector/",
            $name,
            ".yaml"
        )))
    };
}

const ADDED: &str = "\
service:
  pipelines:
    logs/added: {receivers: [otlp], processors: [batch], exporters: [otlp/tempo]}
    metrics/added: {receivers: [otlp], processors: [batch], exporters: [otlp/tempo]}
";

async fn start(configuration: &Configuration, environment: &[(&str, &str)]) -> Spanmill {
    start_beside(configuration, ADDED, environment).await
}

async fn start_beside(
    configuration: &Configuration,
    added: &str,
    environment: &[(&str, &str)],
) -> Spanmill {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("added.yaml"), added).unwrap();
    let arguments = ["--config", "added.yaml"];
    let text = Some(configuration.text());
    Spanmill::start_with(folder, text, &arguments, environment).await
}

const ORDERS: usize = 3;

/// Orders, one request that fails and one for a health check; ends when the SDK has sent everything.
async fn use_app(app: App) {
    for number in 1..=ORDERS {
        assert_eq!(app.get(&format!("/orders/{number}")).await.status, 200);
    }
    assert_eq!(app.get("/broken").await.status, 500);
    assert_eq!(app.get("/health").await.status, 200);
    app.stop().await;
}

async fn flask(spanmill: &Spanmill) {
    let receiver = spanmill.address("receiver otlp grpc");
    use_app(App::flask("shop", "grpc", receiver).await).await;
}

async fn node(spanmill: &Spanmill) {
    let receiver = spanmill.address("receiver otlp http");
    use_app(App::node("shop", "http/protobuf", receiver).await).await;
}

/// Waits for so many spans, and for the app's logs and metrics, and checks them.
async fn arrived(tempo: &Backend, spans: usize) -> Arrivals {
    let complete = |got: &Arrivals| {
        got.spans.len() >= spans
            && got.logged(&format!("order {ORDERS} is late")).len() == 1
            && got.counted("shop.orders") >= ORDERS as f64
    };
    let got = tempo.arrivals_until("every signal", complete).await;
    check(&got, spans);
    got
}

/// Everything is there once: so many spans, the app's logs, which belong to them, and its metrics.
fn check(got: &Arrivals, spans: usize) {
    assert_eq!(got.spans.len(), spans);
    assert_eq!(got.counted("shop.orders"), ORDERS as f64);
    for number in 1..=ORDERS {
        let records = got.logged(&format!("order {number} is late"));
        assert_eq!(records.len(), 1, "{number}");
        let of_span = |(_, span): &&(_, _)| same_span(span, records[0]);
        assert!(spans == 0 || got.spans.iter().filter(of_span).count() == 1);
    }
    for resource in got.resources() {
        assert_eq!(attribute(&resource.attributes, "service.name"), "shop");
    }
}

fn same_span(span: &Span, record: &LogRecord) -> bool {
    (&span.trace_id, &span.span_id) == (&record.trace_id, &record.span_id)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Ends it; nothing may have been lost, refused or sent twice.
async fn stop(spanmill: Spanmill, tempo: &Backend, spans: usize) -> Ended {
    let ended = spanmill.stop().await;
    check(&Arrivals::of(&tempo.taken()), spans);
    for line in &ended.log {
        assert!(!line.contains("\"level\":\"ERROR\""), "{line}");
        assert!(!line.contains("no pipeline takes"), "{line}");
    }
    ended
}

/// A backend with a certificate for `localhost`, and that certificate in a file.
async fn tls_backend(folder: &Path) -> (Backend, String) {
    let names = vec!["localhost".to_owned()];
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let file = folder.join("roots.pem");
    std::fs::write(&file, cert.pem()).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (Backend::start_tls(config).await, file)
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_guide_fans_out_to_tempo_and_over_tls_with_a_key_of_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    let (datadog, roots) = tls_backend(folder.path()).await;
    let tempo = Backend::start().await;
    let address = datadog.address();
    let (_, port) = address.rsplit_once(':').unwrap();
    let configuration = configuration!("complete-guide")
        .without("tail_sampling")
        .with("tempo:4317", &tempo.address())
        .with(
            "https://trace.agent.datadoghq.com",
            &format!("https://localhost:{port}"),
        );
    let environment = [("DD_API_KEY", "0123abcd"), ("SSL_CERT_FILE", &roots)];
    let spanmill = start(&configuration, &environment).await;
    flask(&spanmill).await;
    let got = arrived(&tempo, ORDERS + 2).await;
    let at_datadog = |there: &Arrivals| there.spans.len() >= ORDERS + 2;
    let there = datadog.arrivals_until("spans", at_datadog).await;
    assert_eq!(there.spans, got.spans);
    let requests = datadog.taken();
    assert!(
        requests
            .iter()
            .all(|one| one.headers["dd-api-key"] == "0123abcd")
    );
    let log = stop(spanmill, &tempo, ORDERS + 2).await.log.join("\n");
    assert!(!log.contains("0123abcd"), "{log}");
}

/// Metrics go over OTLP as long as there is no exporter for remote write.
#[tokio::test(flavor = "multi_thread")]
async fn gateway_filters_marks_and_measures() {
    let (tempo, victoria) = (Backend::start().await, VictoriaMetrics::receiving().await);
    // A single one has no `vminsert` before it, and so no tenant in its path.
    let configuration = configuration!("gateway")
        .without("tail_sampling")
        .with("tempo-distributor.monitoring:4317", &tempo.address())
        .with(
            "http://vminsert.monitoring:8480/insert/0/prometheus/api/v1/write",
            &victoria.write_url(),
        );
    let spanmill = start(&configuration, &[]).await;
    flask(&spanmill).await;
    let got = arrived(&tempo, ORDERS + 1).await;
    for (resource, span) in &got.spans {
        assert_ne!(attribute(&span.attributes, "http.target"), "/health");
        assert_eq!(attribute(&resource.attributes, "environment"), "production");
    }
    // They are flushed every minute, and at the end.
    stop(spanmill, &tempo, ORDERS + 1).await;
    let calls =
        r#"{__name__=~"traces_span_metrics_calls_total|traces_span_metrics_duration.*_count"}"#;
    let series = victoria.series(calls, 4).await;
    let mut seen = Vec::new();
    for one in &series {
        let label = |name: &str| one["metric"][name].as_str().unwrap_or_default().to_owned();
        let last = one["values"].as_array().unwrap().last().unwrap();
        assert_eq!(label("http_method"), "GET");
        assert_eq!(label("service_name"), "shop");
        let is_calls = label("__name__").ends_with("calls_total");
        seen.push((is_calls, label("http_status_code"), last.as_f64().unwrap()));
    }
    seen.sort_by(|one, other| one.partial_cmp(other).unwrap());
    let expected = [false, true].into_iter().flat_map(|is_calls| {
        [("200", ORDERS as f64), ("500", 1.0)]
            .map(|(code, count)| (is_calls, code.to_owned(), count))
    });
    assert_eq!(seen, expected.collect::<Vec<_>>());
}

fn sum(series: &[Series]) -> f64 {
    series.iter().map(|(_, value)| value).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn qa_guide_has_prometheus_scrape_the_apps_metrics() {
    let tempo = Backend::start().await;
    let configuration = configuration!("qa-guide")
        .without("tail_sampling")
        .with("tempo.monitoring:4317", &tempo.address());
    let spanmill = start(&configuration, &[]).await;
    let prometheus = Prometheus::scraping(spanmill.address("exporter prometheus http")).await;
    node(&spanmill).await;
    arrived(&tempo, ORDERS + 2).await;
    let all = |series: &[Series]| sum(series) >= ORDERS as f64;
    let orders = prometheus.query_until("shop_orders_total", all).await;
    assert_eq!(orders.len(), 1, "{orders:?}");
    assert_eq!(orders[0].0["customer_tier"], "gold");
    assert_eq!(sum(&orders), ORDERS as f64);
    let all = |series: &[Series]| sum(series) >= ORDERS as f64 + 2.0;
    let requests = "http_server_request_duration_seconds_count";
    let requests = prometheus.query_until(requests, all).await;
    assert_eq!(sum(&requests), ORDERS as f64 + 2.0, "{requests:?}");
    assert_eq!(prometheus.scraped().await, "");
    stop(spanmill, &tempo, ORDERS + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sre_reference_fans_out_to_jaeger_and_tempo() {
    let (jaeger, tempo) = (Jaeger::start().await, Backend::start().await);
    let configuration = configuration!("sre-reference")
        .with("jaeger:4317", &jaeger.address())
        .with("tempo:4317", &tempo.address());
    let spanmill = start(&configuration, &[]).await;
    flask(&spanmill).await;
    let got = arrived(&tempo, ORDERS + 2).await;
    for (_, span) in &got.spans {
        assert_eq!(attribute(&span.attributes, "env"), "production");
    }
    let traces = jaeger.traces("shop", ORDERS + 2).await;
    assert_eq!(traces.len(), ORDERS + 2);
    for trace in &traces {
        assert_eq!(Jaeger::tag(&trace["spans"][0], "env"), "production");
    }
    stop(spanmill, &tempo, ORDERS + 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tracing_guide_reaches_jaeger_under_its_old_name_and_logs_what_it_sends() {
    let (jaeger, tempo) = (Jaeger::start().await, Backend::start().await);
    let configuration = configuration!("tracing-guide")
        .with("jaeger:14250", &jaeger.address())
        .with("tempo:4317", &tempo.address());
    let spanmill = start(&configuration, &[]).await;
    node(&spanmill).await;
    // Its traces do not go to Tempo.
    let got = arrived(&tempo, 0).await;
    let traces = jaeger.traces("shop", ORDERS + 2).await;
    assert_eq!(traces.len(), ORDERS + 2);
    for trace in &traces {
        let process = &trace["processes"]["p1"];
        assert_eq!(process["serviceName"], "shop");
        assert_eq!(Jaeger::tag(process, "environment"), "production");
    }
    let ids = traces
        .iter()
        .map(|trace| trace["traceID"].as_str().unwrap());
    let ids: Vec<&str> = ids.collect();
    for number in 1..=ORDERS {
        let logged = hex(&got.logged(&format!("order {number} is late"))[0].trace_id);
        assert!(ids.contains(&logged.as_str()), "{logged} in {ids:?}");
    }
    let stdout = stop(spanmill, &tempo, 0).await.stdout.join("\n");
    for id in ids {
        assert!(stdout.contains(id), "{id}\n{stdout}");
    }
}

/// Whether the Collector's `probabilistic` policy keeps a trace: FNV-1a over its default salt and the id, as the Collector's
/// documentation has it.
fn in_share(trace_id: &[u8], percent: u64) -> bool {
    let bytes = b"default-hash-seed".iter().chain(trace_id);
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    u128::from(hash) <= u128::from(u64::MAX) * u128::from(percent) / 100
}

/// Runs a configuration with tail sampling beside a pipeline that keeps everything, with a real SDK in front: what is
/// released at the end are whole traces, those with an error and the share of the others.
async fn samples_tails(configuration: &Configuration, tempo: &Backend, percent: u64, roots: &str) {
    let all = Backend::start().await;
    let added = format!(
        "exporters: {{otlp/all: {{endpoint: \"{}\", tls: {{insecure: true}}}}}}\n\
         service: {{pipelines: {{traces/all: {{receivers: [otlp], exporters: [otlp/all]}}}}}}\n",
        all.address()
    );
    let environment = [("DD_API_KEY", "0123abcd"), ("SSL_CERT_FILE", roots)];
    let spanmill = start_beside(configuration, &added, &environment).await;
    let receiver = spanmill.address("receiver otlp grpc");
    for _ in 0..4 {
        use_app(App::flask("shop", "grpc", receiver).await).await;
    }
    let complete = |got: &Arrivals| got.spans.len() == 4 * (ORDERS + 2);
    let sent = all.arrivals_until("spans", complete).await;
    assert_eq!(tempo.seen_so_far(), 0, "they are held");
    spanmill.stop().await;
    let is_kept = |span: &Span| {
        let is_error = span.status.as_ref().is_some_and(|status| status.code == 2);
        is_error || in_share(&span.trace_id, percent)
    };
    let ids = |spans: &mut dyn Iterator<Item = &Span>| {
        let mut ids: Vec<_> = spans.map(|span| hex(&span.span_id)).collect();
        ids.sort_unstable();
        ids
    };
    let is_noise = |span: &Span| {
        configuration.text().contains("filter:")
            && attribute(&span.attributes, "http.target") == "/health"
    };
    let kept = sent.spans.iter().map(|(_, span)| span);
    let kept = ids(&mut kept.filter(|span| is_kept(span) && !is_noise(span)));
    assert!(kept.len() >= 4, "the requests that fail are kept: {kept:?}");
    let got = Arrivals::of(&tempo.taken());
    assert_eq!(ids(&mut got.spans.iter().map(|(_, span)| span)), kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_guide_samples_tails() {
    let folder = tempfile::tempdir().unwrap();
    let (datadog, roots) = tls_backend(folder.path()).await;
    let tempo = Backend::start().await;
    let address = datadog.address();
    let (_, port) = address.rsplit_once(':').unwrap();
    let configuration = configuration!("complete-guide")
        .with("tempo:4317", &tempo.address())
        .with(
            "https://trace.agent.datadoghq.com",
            &format!("https://localhost:{port}"),
        );
    samples_tails(&configuration, &tempo, 10, &roots).await;
    assert_eq!(
        Arrivals::of(&datadog.taken()).spans.len(),
        Arrivals::of(&tempo.taken()).spans.len()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_samples_tails() {
    let (tempo, victoria) = (Backend::start().await, VictoriaMetrics::receiving().await);
    let configuration = configuration!("gateway")
        .with("tempo-distributor.monitoring:4317", &tempo.address())
        .with(
            "http://vminsert.monitoring:8480/insert/0/prometheus/api/v1/write",
            &victoria.write_url(),
        );
    samples_tails(&configuration, &tempo, 10, "").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn qa_guide_samples_tails() {
    let tempo = Backend::start().await;
    let configuration = configuration!("qa-guide").with("tempo.monitoring:4317", &tempo.address());
    samples_tails(&configuration, &tempo, 10, "").await;
}

/// What two more guides say of tail sampling alone.
#[tokio::test(flavor = "multi_thread")]
async fn the_tail_sampling_of_two_more_guides_runs() {
    for (guide, percent) in [("tracing-guide", 5), ("sre-reference", 2)] {
        let tempo = Backend::start().await;
        let text = format!(
            "{}\nreceivers:\n  otlp:\n    protocols:\n      grpc:\n        endpoint: 0.0.0.0:4317\n\
             exporters: {{otlp/tempo: {{endpoint: \"{}\", tls: {{insecure: true}}}}}}\n\
             service: {{pipelines: {{traces: {{receivers: [otlp], processors: [tail_sampling/{guide}], exporters: [otlp/tempo]}}}}}}\n",
            include_str!("../data/tail-sampling.yaml"),
            tempo.address()
        );
        samples_tails(&Configuration::new(&text), &tempo, percent, "").await;
    }
}
