//! Probes of the real binary: ready while requests are taken, and not before or after.

use spanmill_tests::{Answer, Backend, GrpcSender, Spanmill, get, request, span, within};

fn manifest(backend: &Backend, health_check: &str) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
exporters:
  otlp:
    endpoint: "{}"
    tls: {{insecure: true}}
    retry_on_failure: {{initial_interval: 100ms}}
extensions:
  health_check: {health_check}
service:
  extensions: [health_check]
  pipelines:
    traces: {{receivers: [otlp], exporters: [otlp]}}
"#,
        backend.address()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_is_answered_until_the_last_span_is_sent() {
    let backend = Backend::start().await;
    backend.answer(|_| Answer::Unavailable);
    let spanmill = Spanmill::start(&manifest(&backend, "{endpoint: \"127.0.0.1:0\"}")).await;
    let address = spanmill.address("extension health_check http");
    let ready = get(address, "/", false).await;
    assert_eq!(
        (ready.status.as_u16(), ready.header("content-type")),
        (200, "application/json")
    );
    let said: serde_json::Value = serde_json::from_str(&ready.text()).unwrap();
    assert_eq!(said["status"], "Server available");
    assert!(said["upSince"].as_str().unwrap().ends_with('Z'), "{said}");
    assert!(said["uptime"].as_str().unwrap().ends_with('s'), "{said}");

    // While it ends, it waits for the backend.
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender
        .send(&request("shop", vec![span(1, "one", vec![])]))
        .await
        .unwrap();
    spanmill.terminate();
    within("a probe that is refused", async {
        while get(address, "/", false).await.status != 503 {}
    })
    .await;
    let ending = get(address, "/", false).await;
    assert_eq!(
        ending.text(),
        r#"{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}"#
    );
    backend.answer(|_| Answer::Take);
    let ended = spanmill.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log.join("\n"));
    assert_eq!(backend.spans(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_path_and_place_are_the_manifests_and_follow_it() {
    let backend = Backend::start().await;
    let settings = "{endpoint: \"127.0.0.1:0\", path: /health/status, response_body: {healthy: fine, unhealthy: no}}";
    let spanmill = Spanmill::start(&manifest(&backend, settings)).await;
    let address = spanmill.address("extension health_check http");
    let ready = get(address, "/health/status", false).await;
    assert_eq!(
        (ready.status.as_u16(), ready.text()),
        (200, "fine".to_owned())
    );
    for path in ["/", "/health", "/health/status/more"] {
        assert_eq!(get(address, path, false).await.status, 404, "{path}");
    }
    spanmill.edit(&manifest(&backend, &settings.replace("fine", "better")));
    spanmill.logged("extension health_check changed").await;
    let log = spanmill.log();
    let line = log
        .iter()
        .rev()
        .find(|line| line.contains("extension health_check changed"));
    let port = line.unwrap().split("127.0.0.1:").nth(1).unwrap();
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    assert_eq!(get(address, "/health/status", false).await.text(), "better");
    spanmill.stop().await;
}
