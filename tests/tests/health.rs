//! Probes of the real binary: ready while requests are taken, and not before or after.

use serde_json::Value;
use spanmill_tests::{Answer, Backend, GrpcSender, Spanmill, get, request, span, within};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

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

/// Asks until it is answered with a status, and gives what was said then.
async fn answered_with(address: std::net::SocketAddr, path: &str, status: u16) -> Value {
    within(&format!("{status} at {path}"), async {
        loop {
            let reply = get(address, path, false).await;
            if reply.status == status {
                return serde_json::from_str(&reply.text()).unwrap();
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_version_says_how_each_component_fares() {
    let backend = Backend::start().await;
    let settings = "{use_v2: true, http: {endpoint: \"127.0.0.1:0\"}, component_health: {include_recoverable_errors: true, recovery_duration: 0s}}\n  health_check/grpc: {use_v2: true, grpc: {endpoint: \"127.0.0.1:0\"}, component_health: {include_recoverable_errors: true}}";
    let manifest = manifest(&backend, settings).replace(
        "extensions: [health_check]",
        "extensions: [health_check, health_check/grpc]",
    );
    let spanmill = Spanmill::start(&manifest).await;
    let address = spanmill.address("extension health_check http");
    let said = answered_with(address, "/status?verbose", 200).await;
    assert_eq!(said["status"], "StatusOK");
    assert_eq!(said["healthy"], true);
    assert!(
        said["start_time"].as_str().unwrap().ends_with('Z'),
        "{said}"
    );
    let traces = &said["components"]["pipeline:traces"];
    assert_eq!(traces["components"]["receiver:otlp"]["status"], "StatusOK");
    assert_eq!(traces["components"]["exporter:otlp"]["status"], "StatusOK");
    assert!(
        answered_with(address, "/status", 200)
            .await
            .get("components")
            .is_none()
    );
    assert_eq!(
        get(address, "/status?pipeline=metrics", false).await.status,
        404
    );
    assert_eq!(get(address, "/", false).await.status, 404);
    let grpc = spanmill.address("extension health_check/grpc grpc");
    let channel = Endpoint::from_shared(format!("http://{grpc}")).unwrap();
    let mut grpc = HealthClient::new(channel.connect().await.unwrap());
    let mut ask = async |service: &str, expected: ServingStatus| {
        within(&format!("{expected:?} of {service:?}"), async {
            loop {
                let request = HealthCheckRequest {
                    service: service.to_owned(),
                };
                match grpc.check(request).await {
                    Ok(reply) if reply.get_ref().status() == expected => return,
                    // It is told twice a second.
                    Ok(_) => {}
                    Err(status) => assert_eq!(status.code(), tonic::Code::NotFound),
                }
            }
        })
        .await;
    };
    ask("", ServingStatus::Serving).await;
    ask("traces", ServingStatus::Serving).await;

    // A backend that takes nothing.
    backend.answer(|_| Answer::Unavailable);
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    let spans = request("shop", vec![span(1, "one", vec![])]);
    sender.send(&spans).await.unwrap();
    let said = answered_with(address, "/status?pipeline=traces&verbose", 500).await;
    assert_eq!(said["status"], "StatusRecoverableError");
    assert_eq!(said["error"], "the backend does not take what it is sent");
    assert_eq!(said["components"]["exporter:otlp"]["healthy"], false);
    assert_eq!(said["components"]["receiver:otlp"]["healthy"], true);
    ask("", ServingStatus::NotServing).await;
    backend.answer(|_| Answer::Take);
    answered_with(address, "/status", 200).await;
    ask("traces", ServingStatus::Serving).await;

    backend.answer(|_| Answer::Unavailable);
    sender.send(&spans).await.unwrap();
    spanmill.terminate();
    let said = answered_with(address, "/status", 503).await;
    assert_eq!(said["status"], "StatusStopping");
    backend.answer(|_| Answer::Take);
    assert_eq!(spanmill.exit_code().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn how_long_deliveries_take_is_told() {
    let backend = Backend::start().await;
    let telemetry = "service:\n  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}}";
    let manifest = manifest(&backend, "{endpoint: \"127.0.0.1:0\"}").replace("service:", telemetry);
    let spanmill = Spanmill::start(&manifest).await;
    let sender = GrpcSender::connect(spanmill.address("receiver otlp grpc")).await;
    sender
        .send(&request("shop", vec![span(1, "one", vec![])]))
        .await
        .unwrap();
    backend.spans(1).await;
    let metrics = spanmill.address("telemetry http");
    within("the lag of a delivery", async {
        loop {
            let page = get(metrics, "/metrics", false).await.text();
            let mut lines = page.lines();
            let lag = lines.find(|line| {
                line.starts_with("spanmill_exporter_delivery_lag") && line.contains("0.99")
            });
            let seconds: f64 = lag.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
            if seconds > 0.0 {
                return assert!(seconds < 60.0, "{seconds}");
            }
        }
    })
    .await;
}
