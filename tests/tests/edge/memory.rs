//! What a bundle holds, and how it copies and compares it.

use std::fs;
use std::process::Command;

use spanmill_tests::{Backend, GrpcSender, Spanmill, attribute, flatten, request, span, text};

use super::{bundle, folder};

/// Five plugins and one worker: what benches/README.md measures at rest.
const MANIFEST: &str = include_str!("../../../edge/rest.yaml");
const REQUESTS: u64 = 1000;
const SPANS: u64 = 50;
/// Of 64, in KiB.
const CONTAINER: u64 = 64 * 1024;

#[tokio::test]
async fn a_container_of_64_mib_is_enough() {
    let folder = folder();
    fs::write(folder.path().join("manifest.yaml"), MANIFEST).unwrap();
    let bundle = bundle(folder.path(), "manifest.yaml").await;
    let backend = Backend::start().await;
    let endpoint = format!(
        "exporters.otlp.endpoint={}",
        backend.address().trim_start_matches("http://")
    );
    // As in such a container, where its limit is found.
    let arguments = [
        "--workers",
        "1",
        "--set",
        &endpoint,
        "--set",
        "limits.memory_mib=64",
    ];
    let program = [bundle.to_str().unwrap()];
    let service = Spanmill::start_program(&program, super::folder(), &arguments, &[]).await;
    let sender = GrpcSender::connect(service.address("receiver otlp grpc")).await;
    for number in 0..REQUESTS {
        let spans = (0..SPANS).map(|of| {
            let route = if of % 5 == 0 { "/healthz" } else { "/cart" };
            let attributes = vec![text("http.route", route), text("user", "jane@example")];
            span(number * SPANS + of + 1, "GET", attributes)
        });
        sender
            .send(&request("shop", spans.collect()))
            .await
            .unwrap();
    }
    let peak = service.peak_kib();
    assert!(peak < CONTAINER, "{} MiB", peak / 1024);
    // All of it went through the plugins: health checks are dropped, of the rest half is kept, with its texts masked and its attribute set.
    let ended = service.stop().await;
    assert_eq!(ended.code, Some(0));
    let spans = flatten(&backend.traces());
    let kept = u64::try_from(spans.len()).unwrap();
    let expected = REQUESTS * SPANS * 4 / 5 / 2;
    assert!(kept.abs_diff(expected) < expected / 10, "{kept}");
    for found in &spans {
        let of = |key: &str| attribute(&found.span.attributes, key).to_owned();
        assert_eq!(of("http.route"), "/cart");
        assert_eq!(of("user"), "****");
        assert_eq!(of("deployment.environment.name"), "bench");
    }
}

#[test]
fn memory_is_copied_and_compared_as_by_the_c_library() {
    let folder = folder();
    let program = folder.path().join("check");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../edge/memory_check.c");
    let compiler = std::env::var_os("CC").unwrap_or("cc".into());
    let built = Command::new(compiler)
        .args(["-O2", "-ffreestanding", "-Wall", "-Werror", source, "-o"])
        .arg(&program)
        .status();
    assert!(built.unwrap().success());
    let output = Command::new(&program).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
}
