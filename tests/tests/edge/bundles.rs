//! Executables with a manifest and its plugins inside, without a compiler.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use http::Method;
use spanmill_tests::{Backend, Spanmill, attribute, http, run_program, spanmill};

use super::{SAMPLER, TARGET, bundle, compile, folder, outdated, plugin, runtime};

const MANIFEST: &str = r#"
receivers: {otlp: {protocols: {grpc: {endpoint: "${env:ENDPOINT:-127.0.0.1:0}"}}}}
processors: {probabilistic_sampler: {sampling_percentage: "${env:SAMPLING:-100}"}}
exporters: {debug: }
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [otlp], processors: [probabilistic_sampler], exporters: [debug]}}
"#;

async fn small_bundle(folder: &Path) -> PathBuf {
    fs::write(folder.join("manifest.yaml"), MANIFEST).unwrap();
    bundle(folder, "manifest.yaml").await
}

#[tokio::test]
async fn a_bundle_is_all_that_a_machine_needs() {
    let folder = folder();
    let bundle = small_bundle(folder.path()).await;
    let empty = super::folder();
    let run = async |arguments: &[&str], environment: &[(&str, &str)]| {
        run_program(&bundle, empty.path(), arguments, environment).await
    };
    let valid = run(&["validate"], &[]).await;
    assert_eq!(valid.code, Some(0), "{}", valid.stderr);
    let said = "the manifest in this executable: 1 pipelines, 1 plugins configured";
    assert!(valid.stdout.contains(said), "{}", valid.stdout);
    // The environment is that of the machine.
    let wrong = run(&["validate"], &[("SAMPLING", "many")]).await;
    assert!(
        wrong.stderr.contains("sampling_percentage"),
        "{}",
        wrong.stderr
    );
    let inside = run(&["inspect"], &[]).await.stdout;
    for part in [
        "without a compiler",
        "manifest.yaml",
        "keys.pem",
        "plugins/exceptions.cwasm",
    ] {
        assert!(inside.contains(part), "no {part} in:\n{inside}");
    }
    let plugins = run(&["plugins"], &[]).await.stdout;
    assert!(
        plugins.contains(SAMPLER) && plugins.contains("writes"),
        "{plugins}"
    );
    let sampler = run(&["inspect", SAMPLER], &[]).await;
    assert!(
        sampler.stdout.contains("spanmill:plugin/processor@0.1.0"),
        "{}",
        sampler.stderr
    );
    // It has no compiler, and says so.
    let wasm = run(&["inspect", &plugin(SAMPLER)], &[]).await;
    assert!(
        wasm.stderr.contains("this spanmill has no compiler"),
        "{}",
        wasm.stderr
    );
    let commands = run(&["plugin", "--help"], &[]).await.stdout;
    assert!(
        commands.contains("swap") && !commands.contains("compile"),
        "{commands}"
    );
}

#[tokio::test]
async fn a_damaged_bundle_does_not_start() {
    let folder = folder();
    let bundle = small_bundle(folder.path()).await;
    let whole = fs::read(&bundle).unwrap();
    let program = usize::try_from(fs::metadata(runtime()).unwrap().len()).unwrap();
    let damaged = folder.path().join("damaged");
    let is_refused = async |bytes: &[u8], why: &str| {
        fs::write(&damaged, bytes).unwrap();
        fs::set_permissions(&damaged, fs::Permissions::from_mode(0o755)).unwrap();
        let output = run_program(&damaged, folder.path(), &["run"], &[]).await;
        assert_eq!(output.code, Some(1));
        assert!(output.stderr.contains(why), "{}", output.stderr);
    };
    // In the manifest, in the plugin that it uses, which is the last, in the index and in its hash.
    let end = whole.len();
    for at in [program + 10, end - 20_000, end - 80, end - 1] {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        is_refused(&bytes, "it is damaged").await;
    }
    let bare = "it is a bare runtime, or a bundle that was cut short";
    is_refused(&whole[..end - 1], bare).await;
    is_refused(&whole[..program], bare).await;
}

#[tokio::test]
async fn a_bundle_takes_the_versions_that_its_key_has_signed() {
    let folder = folder();
    let bundle = small_bundle(folder.path()).await;
    let program = bundle.to_str().unwrap();
    let service = Spanmill::start_program(&[program], super::folder(), &[], &[]).await;
    let admin = service.address("admin http").to_string();
    let swap = async |file: &str| {
        let arguments = ["plugin", "swap", SAMPLER, file, "--admin", &admin];
        spanmill(folder.path(), &arguments).await
    };
    for (key, why) in [
        (
            Some("stranger"),
            "none of the keys that are trusted has signed it",
        ),
        (None, "carries no signature"),
    ] {
        let refused = swap(&compile(folder.path(), SAMPLER, TARGET, key).await).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    let refused = swap(&plugin(SAMPLER)).await;
    assert!(
        refused.stderr.contains("this spanmill has no compiler"),
        "{}",
        refused.stderr
    );
    // One that was compiled and signed for the version before.
    let signed = compile(folder.path(), SAMPLER, TARGET, Some("signing")).await;
    let refused = swap(&outdated(folder.path(), &signed, "host", "0.0.9")).await;
    assert_eq!(refused.code, Some(1));
    let why = "it was made by spanmill 0.0.9";
    assert!(refused.stderr.contains(why), "{}", refused.stderr);
    // Ours is loaded, and is no sampler.
    let other = compile(folder.path(), "exceptions", TARGET, Some("signing")).await;
    let refused = swap(&other).await;
    assert!(
        refused.stderr.contains("takes a processor"),
        "{}",
        refused.stderr
    );
    let taken = swap(&signed).await;
    assert_eq!(taken.code, Some(0), "{}", taken.stderr);
}

#[tokio::test]
async fn the_gateway_of_the_examples_does_what_its_readme_says() {
    let folder = folder();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/edge/gateway.yaml");
    let bundle = bundle(folder.path(), example).await;
    let backend = Backend::start().await;
    let address = backend.address();
    let environment = [
        ("GATEWAY_GRPC", "127.0.0.1:0"),
        ("GATEWAY_HTTP", "127.0.0.1:0"),
        ("GATEWAY_INSECURE", "true"),
        ("GATEWAY_FLUSH", "100ms"),
        ("GATEWAY_BACKEND", address.trim_start_matches("http://")),
    ];
    let program = [bundle.to_str().unwrap()];
    let workers = ["--workers", "1"];
    let gateway = Spanmill::start_program(&program, super::folder(), &workers, &environment).await;
    // The request of the README.
    let readme = include_str!("../../../examples/edge/README.md");
    let json = readme
        .split("-d '")
        .nth(1)
        .and_then(|rest| rest.split('\'').next());
    let headers = [("content-type", "application/json")];
    let receiver = gateway.address("receiver otlp http");
    let reply = http(receiver, Method::POST, "/v1/logs", &headers, json.unwrap()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let arrivals = backend
        .arrivals_until("a log record", |found| !found.logged("opened").is_empty())
        .await;
    assert_eq!(
        attribute(&arrivals.logged("opened")[0].attributes, "owner"),
        "****"
    );
    assert!(arrivals.logged("tick").is_empty());
    // A container of 64 MiB would do.
    let peak = gateway.peak_kib() / 1024;
    assert!(peak < 64, "{peak} MiB");
}
