//! Those who are to use it: the SDK for Python, and a real Prometheus.

use spanmill_tests::prometheus::Prometheus;
use spanmill_tests::tls::{Authority, s_client};
use spanmill_tests::{Backend, GrpcSender, Spanmill, python_over_tls, request, span};

use super::{RECEIVERS, SERVER, certificates, manifest, port_of};

#[tokio::test(flavor = "multi_thread")]
async fn an_sdk_sends_over_tls_by_both_protocols() {
    let (folder, _) = certificates();
    let path = folder.path().to_owned();
    std::fs::write(path.join("other.pem"), Authority::new("other").pem()).unwrap();
    let backend = Backend::start().await;
    let tls = format!("{SERVER}, client_ca_file: ca.pem");
    let manifest = manifest(&tls, &backend);
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &[]).await;
    let file = |name: &str| path.join(name).display().to_string();
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client-key.pem"));
    let ours = [
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", ca.as_str()),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &cert),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &key),
    ];
    let mut spans = 0;
    for (receiver, protocol) in [(RECEIVERS[0], "grpc"), (RECEIVERS[1], "http")] {
        let endpoint = format!("https://localhost:{}", port_of(&spanmill, receiver));
        let sent = python_over_tls(&endpoint, protocol, 10, &ours).await;
        assert_eq!(sent.code, Some(0), "{}", sent.stderr);
        spans += 30;
        assert_eq!(backend.spans(spans).await.len(), spans);
        let other = file("other.pem");
        let wrong = [
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", other.as_str()),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "3"),
        ];
        let sent = python_over_tls(&endpoint, protocol, 1, &wrong).await;
        assert_ne!(sent.code, Some(0), "{}", sent.stderr);
    }
    spanmill.stop().await;
    assert_eq!(backend.spans(spans).await.len(), spans);
}

#[tokio::test(flavor = "multi_thread")]
async fn prometheus_scrapes_over_tls() {
    let (folder, _) = certificates();
    let path = folder.path().to_owned();
    std::fs::write(path.join("other.pem"), Authority::new("other").pem()).unwrap();
    let manifest = format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
connectors:
  spanmetrics: {{metrics_flush_interval: 100ms}}
exporters:
  prometheus: {{endpoint: "127.0.0.1:0", tls: {{{SERVER}}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], exporters: [spanmetrics]}}
    metrics: {{receivers: [spanmetrics], exporters: [prometheus]}}
"#
    );
    let spanmill = Spanmill::start_in(folder, Some(&manifest), &[]).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let one = request("shop", vec![span(1, "one", vec![])]);
    sender.send(&one).await.unwrap();
    let address = spanmill.address("exporter prometheus https");
    let prometheus = Prometheus::scraping_https(address, &path.join("ca.pem")).await;
    assert_eq!(prometheus.scraped().await, "");
    prometheus
        .query_until("traces_span_metrics_calls_total", |series| {
            !series.is_empty()
        })
        .await;
    let stranger = Prometheus::scraping_https(address, &path.join("other.pem")).await;
    let error = stranger.scraped().await;
    assert!(error.contains("certificate"), "{error}");
    let plain = Prometheus::scraping(address).await;
    let error = plain.scraped().await;
    assert!(error.contains("400 Bad Request"), "{error}");
    let seen = s_client(
        &path,
        &format!("localhost:{}", address.port()),
        &["-CAfile", "ca.pem", "-alpn", "http/1.1"],
        "GET /metrics HTTP/1.0\r\n\r\n",
    )
    .await;
    assert!(
        seen.stdout.contains("traces_span_metrics_calls_total"),
        "{seen:?}"
    );
    spanmill.stop().await;
}
