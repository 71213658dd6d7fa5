//! Where a process may have few addresses.

use std::fs;

use http::Method;
use serde_json::json;
use spanmill_tests::{GrpcSender, Spanmill, admin, binary, request, span, spanmill};

use super::folder;

const MANIFEST: &str = r#"
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
processors: {probabilistic_sampler: {sampling_percentage: 50}}
exporters: {debug: {verbosity: detailed}}
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [probabilistic_sampler], exporters: [debug]}}
"#;

#[tokio::test]
async fn two_gigabytes_are_enough() {
    let folder = folder();
    fs::write(folder.path().join("manifest.yaml"), MANIFEST).unwrap();
    let program = binary();
    let command = [
        "prlimit",
        "--as=2147483648",
        "--",
        program.to_str().unwrap(),
    ];
    let arguments = ["--config", "manifest.yaml"];
    let service = Spanmill::start_program(&command, folder, &arguments, &[]).await;
    samples(service).await;
}

/// Has it process spans, and end.
async fn samples(service: Spanmill) {
    let spans: Vec<_> = (0..100)
        .map(|number| span(number, "work", Vec::new()))
        .collect();
    let sender = GrpcSender::connect(service.address("receiver otlp grpc")).await;
    sender.send(&request("shop", spans)).await.unwrap();
    let ended = service.stop().await;
    assert_eq!(ended.code, Some(0));
    // The sampler was there.
    let out = ended.stdout.join("\n");
    let left = out.matches("Name           : work").count();
    assert!((1..100).contains(&left), "{left} of 100 in:\n{out}");
}

/// The addresses that a process has, in GiB.
fn addresses(service: &Spanmill) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.process())).unwrap();
    let size = status
        .lines()
        .find_map(|line| line.strip_prefix("VmSize:"))
        .unwrap();
    let kib: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024 / 1024
}

#[tokio::test]
async fn the_manifest_says_how_memories_lie_unless_the_environment_does() {
    let manifest = format!("limits: {{plugin_memory: checked}}{MANIFEST}");
    let start = async |environment: &[(&str, &str)]| {
        let arguments = ["--workers", "1", "--no-watch"];
        Spanmill::start_with(folder(), Some(&manifest), &arguments, environment).await
    };
    let checked = start(&[]).await;
    let guarded = start(&[("SPANMILL_PLUGIN_MEMORY", "guarded")]).await;
    // An instance has 4 GiB of addresses, or only what it uses. What else reserves addresses is the same.
    assert!(addresses(&checked) + 4 <= addresses(&guarded));
    // Instances are made by then, so what is asked for now comes with the next start.
    let other = manifest.replace("plugin_memory: checked", "plugin_memory: guarded");
    fs::write(checked.file("manifest.yaml"), other).unwrap();
    let address = checked.address("admin http");
    let reloaded = admin(address, Method::POST, "/v1/reload", "").await;
    assert_eq!(
        reloaded["warnings"],
        json!(["limits: changes take effect at the next start"])
    );
    samples(checked).await;
    samples(guarded).await;
}

#[tokio::test]
async fn memories_lie_in_ways_that_are_known() {
    let folder = folder();
    let manifest = format!("limits: {{plugin_memory: compact}}{MANIFEST}");
    fs::write(folder.path().join("manifest.yaml"), manifest).unwrap();
    let arguments = ["validate", "--config", "manifest.yaml"];
    let refused = spanmill(folder.path(), &arguments).await;
    assert_eq!(refused.code, Some(1));
    for said in [
        "limits: plugin_memory: this value is not known",
        "one of: guarded, checked",
    ] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
}
