//! What plugins are told of the host: `resourcedetection`, and the environment that a manifest gives a plugin.

use spanmill_tests::{Backend, GrpcSender, Spanmill, attribute, request, span};

fn manifest(backend: &Backend, settings: &str) -> String {
    format!(
        r#"
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}
processors:
  resourcedetection: {settings}
exporters:
  otlp: {{endpoint: {}, tls: {{insecure: true}}}}
service:
  pipelines:
    traces: {{receivers: [otlp], processors: [resourcedetection], exporters: [otlp]}}
"#,
        backend.address()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_says_which_host_and_environment_it_is_of_and_nothing_else_of_it() {
    let backend = Backend::start().await;
    let settings = "{detectors: [env, system], system: {resource_attributes: {host.arch: {enabled: true}, os.description: {enabled: true}}}}";
    let environment = [
        (
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment.name=lab,team=a%2Cb",
        ),
        ("NOT_FOR_PLUGINS", "secret"),
    ];
    let folder = tempfile::tempdir().unwrap();
    let running = Spanmill::start_with(
        folder,
        Some(&manifest(&backend, settings)),
        &[],
        &environment,
    )
    .await;
    let sender = GrpcSender::connect(running.address("receiver otlp grpc")).await;
    sender
        .send(&request("shop", vec![span(1, "s", vec![])]))
        .await
        .unwrap();
    let arrived = backend
        .arrivals_until("a span", |all| !all.spans.is_empty())
        .await;
    let attributes = &arrived.spans[0].0.attributes;
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let name = attribute(attributes, "host.name");
    // The name may have come with its domain.
    assert!(
        !host.trim().is_empty() && name.starts_with(host.trim()),
        "{name}"
    );
    assert_eq!(attribute(attributes, "os.type"), "linux");
    assert!(attribute(attributes, "os.description").contains("Linux"));
    assert!(["amd64", "arm64"].contains(&attribute(attributes, "host.arch")));
    assert_eq!(attribute(attributes, "deployment.environment.name"), "lab");
    assert_eq!(attribute(attributes, "team"), "a,b");
    assert_eq!(attribute(attributes, "service.name"), "shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_chooses_what_environment_a_plugin_has() {
    let backend = Backend::start().await;
    let chosen = "plugins:\n  resourcedetection: {environment: [OTEL_RESOURCE_ATTRIBUTES, SPANMILL_HOST_NAME]}\n";
    let settings = "{detectors: [env, system], system: {hostname_sources: [os], resource_attributes: {os.type: {enabled: false}}}}";
    let folder = tempfile::tempdir().unwrap();
    let manifest = format!("{chosen}{}", manifest(&backend, settings));
    let environment = [("OTEL_RESOURCE_ATTRIBUTES", "team=a")];
    let running = Spanmill::start_with(folder, Some(&manifest), &[], &environment).await;
    let sender = GrpcSender::connect(running.address("receiver otlp grpc")).await;
    sender
        .send(&request("shop", vec![span(1, "s", vec![])]))
        .await
        .unwrap();
    let arrived = backend
        .arrivals_until("a span", |all| !all.spans.is_empty())
        .await;
    let mut keys: Vec<_> = arrived.spans[0]
        .0
        .attributes
        .iter()
        .map(|a| a.key.as_str())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["host.name", "service.name", "team"]);
}
