//! What `bundle` and `plugin compile` write, and what they leave as it is.

use std::fs;
use std::os::unix::net::UnixListener;

use spanmill_tests::spanmill;

use super::{SAMPLER, TARGET, folder, make_keys, plugin, runtime};

const MANIFEST: &str = r#"
receivers: {otlp: {protocols: {grpc: {endpoint: "127.0.0.1:0"}}}}
processors: {probabilistic_sampler: {sampling_percentage: 50}}
exporters: {debug: }
service: {pipelines: {traces: {receivers: [otlp], processors: [probabilistic_sampler], exporters: [debug]}}}
"#;

#[tokio::test]
async fn what_a_file_is_made_of_is_not_overwritten() {
    let folder = folder();
    let at = folder.path();
    make_keys(at);
    fs::copy(plugin(SAMPLER), at.join("sampler.wasm")).unwrap();
    fs::write(at.join("manifest.yaml"), MANIFEST).unwrap();
    fs::write(at.join("input.json"), "{}").unwrap();
    // By another name as well.
    std::os::unix::fs::symlink("signing.pem", at.join("link")).unwrap();
    let runtime = runtime();
    let compile = [
        "plugin",
        "compile",
        "sampler.wasm",
        "--target",
        TARGET,
        "--key",
        "signing.pem",
    ];
    let bundle = [
        "bundle",
        "--config",
        "manifest.yaml",
        "--target",
        TARGET,
        "--runtime",
        &runtime,
    ];
    let replay = [
        "replay",
        "--config",
        "manifest.yaml",
        "--input",
        "input.json",
    ];
    for (command, output) in [
        (&compile[..], "sampler.wasm"),
        (&compile[..], "signing.pem"),
        (&compile[..], "link"),
        (&bundle[..], "manifest.yaml"),
        (&replay[..], "input.json"),
    ] {
        let before = fs::read(at.join(output)).unwrap();
        let mut arguments = command.to_vec();
        arguments.extend(["--output", output]);
        let refused = spanmill(at, &arguments).await;
        assert_eq!(refused.code, Some(1), "{output}: {}", refused.stdout);
        assert!(
            refused.stderr.contains("which would be lost"),
            "{}",
            refused.stderr
        );
        assert_eq!(fs::read(at.join(output)).unwrap(), before, "{output}");
    }
    // Nor is what is no file made one.
    let socket = UnixListener::bind(at.join("socket")).unwrap();
    let mut arguments = compile.to_vec();
    arguments.extend(["--output", "socket"]);
    let refused = spanmill(at, &arguments).await;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("no regular file"),
        "{}",
        refused.stderr
    );
    drop(socket);
}

#[tokio::test]
async fn a_bundle_that_could_not_run_is_not_made() {
    let folder = folder();
    let at = folder.path();
    let runtime = runtime();
    let bundle = async |manifest: &str, runtime: &str| {
        fs::write(at.join("manifest.yaml"), manifest).unwrap();
        let arguments = [
            "bundle",
            "--config",
            "manifest.yaml",
            "--target",
            TARGET,
            "--runtime",
            runtime,
            "-o",
            "edge",
        ];
        spanmill(at, &arguments).await
    };
    let wrong = MANIFEST.replace("sampling_percentage: 50", "sampling_percentag: 50");
    let refused = bundle(&wrong, &runtime).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(
        refused
            .stderr
            .contains("did you mean `sampling_percentage`"),
        "{}",
        refused.stderr
    );
    assert!(!at.join("edge").exists());
    // Where the device may say it, it is told, and made.
    let open = MANIFEST.replace(
        "percentage: 50",
        "percentage: \"${env:SPANMILL_TESTS_UNSET}x\"",
    );
    let made = bundle(&open, &runtime).await;
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    assert!(
        made.stderr.contains("variables of the device"),
        "{}",
        made.stderr
    );
    // What has a compiler is no runtime.
    let full = spanmill_tests::binary().display().to_string();
    let refused = bundle(MANIFEST, &full).await;
    assert_eq!(refused.code, Some(1), "{}", refused.stdout);
    assert!(
        refused.stderr.contains("is no runtime of this version"),
        "{}",
        refused.stderr
    );
}
