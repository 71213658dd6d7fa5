//! Where a process may have few addresses.

use std::fs;

use spanmill_tests::{GrpcSender, Spanmill, binary, request, span};

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
