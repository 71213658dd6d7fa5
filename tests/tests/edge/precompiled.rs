//! Plugins that were compiled ahead of time.

use std::fs;
use std::path::Path;

use spanmill_tests::{Output, Spanmill, binary, spanmill, spanmill_with};

use super::{FOREIGN, SAMPLER, TARGET, compile, folder, good, make_keys, outdated, plugin};

/// The manifest of a pipeline whose sampler is a file.
fn with_sampler(file: &str, more: &str) -> String {
    format!(
        r#"plugins: {{probabilistic_sampler: {{file: {file}{more}}}}}
receivers: {{otlp: {{protocols: {{grpc: {{endpoint: "127.0.0.1:0"}}}}}}}}
processors: {{probabilistic_sampler: {{sampling_percentage: 50}}}}
exporters: {{debug: }}
service: {{pipelines: {{traces: {{receivers: [otlp], processors: [probabilistic_sampler], exporters: [debug]}}}}}}
"#
    )
}

/// What `validate` says of a sampler in a file.
async fn validated(folder: &Path, file: &str, more: &str, keys: &str) -> Output {
    fs::write(folder.join("manifest.yaml"), with_sampler(file, more)).unwrap();
    let arguments = ["validate", "--config", "manifest.yaml"];
    spanmill_with(folder, &arguments, &[("SPANMILL_CODE_KEYS", keys)]).await
}

#[tokio::test]
async fn precompiled_plugins_run_if_the_operator_has_signed_them() {
    let folder = folder();
    let at = folder.path();
    make_keys(at);
    let signed = compile(at, SAMPLER, TARGET, Some("signing")).await;
    let ours = validated(at, &signed, "", "stranger.pub:signing.pub").await;
    assert_eq!(ours.code, Some(0), "{}", ours.stderr);
    // Keys of the manifest's stand in the place of the environment's.
    let named = validated(at, &signed, ", keys: [signing.pub]", "stranger.pub").await;
    assert_eq!(named.code, Some(0), "{}", named.stderr);
    let other = validated(at, &signed, ", keys: [stranger.pub]", "signing.pub").await;
    assert!(
        other.stderr.contains("none of the keys that are trusted"),
        "{}",
        other.stderr
    );

    // The digest is that of the WebAssembly.
    let shown = good(at, &["inspect", &plugin(SAMPLER)]).await.stdout;
    let digest = shown
        .lines()
        .find_map(|line| line.strip_prefix("sha256    "))
        .unwrap();
    let more = format!(", digest: 'sha256:{digest}'");
    let pinned = validated(at, &signed, &more, "signing.pub").await;
    assert_eq!(pinned.code, Some(0), "{}", pinned.stderr);

    let unsigned = compile(at, SAMPLER, TARGET, None).await;
    let foreign = compile(at, SAMPLER, FOREIGN, Some("signing")).await;
    let mut damaged = fs::read(at.join(&signed)).unwrap();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    fs::write(at.join("damaged.cwasm"), damaged).unwrap();
    for (file, keys, why) in [
        (&*unsigned, "signing.pub", "carries no signature"),
        (&*signed, "", "no key is named that must have signed it"),
        (
            &*signed,
            "stranger.pub",
            "none of the keys that are trusted has signed it",
        ),
        (&*foreign, "signing.pub", "compile it for that target"),
        ("damaged.cwasm", "signing.pub", "it is damaged"),
    ] {
        let refused = validated(at, file, "", keys).await;
        assert_eq!(refused.code, Some(1), "{file}");
        assert!(refused.stderr.contains(why), "{file}: {}", refused.stderr);
        assert!(
            refused.stderr.contains("--> manifest.yaml:1"),
            "{}",
            refused.stderr
        );
    }
}

#[tokio::test]
async fn a_file_that_is_exchanged_is_checked_though_its_component_is_the_same() {
    let folder = folder();
    let at = folder.path();
    make_keys(at);
    let signed = compile(at, SAMPLER, TARGET, Some("signing")).await;
    let others = [
        (
            compile(at, SAMPLER, TARGET, None).await,
            "carries no signature",
        ),
        (
            compile(at, SAMPLER, TARGET, Some("stranger")).await,
            "none of the keys that are trusted has signed it",
        ),
        (
            compile(at, SAMPLER, FOREIGN, Some("signing")).await,
            "compile it for that target",
        ),
    ];
    let read = |file: &str| fs::read(at.join(file)).unwrap();
    let (good, others) = (read(&signed), others.map(|(file, why)| (read(&file), why)));
    let keys = at.join("signing.pub").display().to_string();
    let manifest = with_sampler("sampler.cwasm", "");
    fs::write(at.join("manifest.yaml"), manifest).unwrap();
    fs::write(at.join("sampler.cwasm"), &good).unwrap();
    let program = [binary().display().to_string()];
    let program: Vec<&str> = program.iter().map(String::as_str).collect();
    let arguments = ["--config", "manifest.yaml", "--no-watch"];
    let environment = [("SPANMILL_CODE_KEYS", keys.as_str())];
    let service = Spanmill::start_program(&program, folder, &arguments, &environment).await;
    let admin = service.address("admin http").to_string();
    let file = service.file("sampler.cwasm");
    let reload = async |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let arguments = ["plugin", "reload", "--admin", &admin];
        spanmill(file.parent().unwrap(), &arguments).await
    };
    for (bytes, why) in &others {
        let refused = reload(bytes).await;
        assert_eq!(refused.code, Some(1), "{}", refused.stdout);
        assert!(refused.stderr.contains(why), "{}", refused.stderr);
    }
    let taken = reload(&good).await;
    assert_eq!(taken.code, Some(0), "{}", taken.stderr);
}

#[tokio::test]
async fn what_another_version_has_compiled_is_refused() {
    let folder = folder();
    let at = folder.path();
    make_keys(at);
    let signed = compile(at, SAMPLER, TARGET, Some("signing")).await;
    // Signed again as it is, it is still good.
    let version = env!("CARGO_PKG_VERSION");
    let same = outdated(at, &signed, "host", version);
    let taken = validated(at, &same, "", "signing.pub").await;
    assert_eq!(taken.code, Some(0), "{}", taken.stderr);

    let is_refused = async |file: &str, why: &str| {
        let refused = validated(at, file, "", "signing.pub").await;
        assert_eq!(refused.code, Some(1), "{file}");
        for said in [
            why,
            "compile it anew with this version",
            "--> manifest.yaml:1",
        ] {
            assert!(refused.stderr.contains(said), "{file}: {}", refused.stderr);
        }
    };
    let host = outdated(at, &signed, "host", "0.0.9");
    is_refused(&host, "it was made by spanmill 0.0.9 (").await;
    // The same version, built on another engine or with other settings of it.
    let engine = outdated(at, &signed, "engine", "wasmtime 47");
    is_refused(
        &engine,
        &format!("it was made by spanmill {version} (wasmtime 47)"),
    )
    .await;
}
