//! A manifest and its plugins as one signed file.

use spanmill_tests::{DockerRegistry, built_in, version};

use super::{Desk, files, filter};

#[tokio::test]
async fn a_bundle_runs_where_nothing_else_is() {
    let registry = DockerRegistry::start().await;
    let office = Desk::new().await;
    office.keys("signing");
    office.write("pushed.wasm", filter("bundled"));
    let reference = registry.reference("mine:1.0");
    office
        .told(&[
            "plugin",
            "push",
            "pushed.wasm",
            &reference,
            "--key",
            "signing.pem",
        ])
        .await;
    std::fs::create_dir(office.path("plugins")).unwrap();
    let attributes = version(&built_in("attributes"), "bundled");
    office.write("plugins/marks.wasm", attributes);
    let edge = Desk::new().await;
    let manifest = edge.manifest_text(&format!("{{oci: \"{reference}\", keys: [signing.pub]}}"));
    let manifest = manifest
        .replace("plugins:", "plugins:\n  marks: {file: plugins/marks.wasm}")
        .replace(
            "processors:\n",
            "processors:\n  marks: {actions: [{key: seen, value: here, action: insert}]}\n",
        )
        .replace("processors: [mine]", "processors: [mine, marks]");
    office.write("manifest.yaml", manifest);
    office
        .told(&["plugin", "pull", "--config", "manifest.yaml"])
        .await;
    let pack = [
        "plugin",
        "pack",
        "--config",
        "manifest.yaml",
        "--output",
        "edge.bundle",
    ];
    let packed = office
        .told(&[&pack[..], &["--key", "signing.pem"]].concat())
        .await;
    for part in [
        "manifest.yaml",
        "plugins/marks.wasm",
        "signing.pub",
        "spanmill.lock",
        "signed",
    ] {
        assert!(packed.contains(part), "{packed}");
    }

    // Elsewhere, without the registry.
    drop(registry);
    edge.write("edge.bundle", office.read("edge.bundle"));
    edge.write("signing.pub", office.read("signing.pub"));
    let (bundle, key) = (edge.path("edge.bundle"), edge.path("signing.pub"));
    let bundle = bundle.display().to_string();
    let key = key.display().to_string();
    let arguments = ["--bundle", bundle.as_str(), "--bundle-key", key.as_str()];
    for _ in 0..2 {
        let spanmill = edge.run(&arguments).await;
        edge.filters(&spanmill).await;
        let arrived = edge.backend.spans(1).await;
        let last = &arrived.last().unwrap().span;
        assert!(
            last.attributes
                .iter()
                .any(|attribute| attribute.key == "seen")
        );
        spanmill.stop().await;
    }
    let valid = edge.told(&[&["validate"][..], &arguments].concat()).await;
    assert!(valid.contains("2 plugins configured"), "{valid}");
}

#[tokio::test]
async fn a_bundle_that_is_not_what_was_signed_is_not_unpacked() {
    let desk = Desk::new().await;
    desk.keys("ours");
    desk.keys("theirs");
    desk.write("mine.wasm", filter("bundle"));
    desk.manifest("{file: mine.wasm}");
    let pack = ["plugin", "pack", "--config", "manifest.yaml", "--output"];
    desk.told(&[&pack[..], &["unsigned", "--key", "theirs.pem"]].concat())
        .await;
    desk.told(&[&pack[..], &["theirs"]].concat()).await;
    desk.told(&[&pack[..], &["ours", "--key", "ours.pem"]].concat())
        .await;
    let mut changed = desk.read("ours");
    let at = changed
        .windows(4)
        .position(|part| part == b"\0asm")
        .unwrap();
    changed[at + 4] ^= 1;
    desk.write("changed", changed);
    desk.write("cut", &desk.read("ours")[..4000]);
    let validate = async |bundle: &str| {
        let arguments = ["validate", "--bundle", bundle, "--bundle-key", "ours.pub"];
        desk.command(&arguments).await
    };
    for (bundle, why) in [
        ("unsigned", "another key"),
        ("theirs", "none at all"),
        ("changed", "damaged"),
        ("cut", "damaged"),
        ("mine.wasm", "no archive"),
        ("missing", "cannot read missing"),
    ] {
        let refused = validate(bundle).await;
        assert_eq!(refused.code, Some(1), "{bundle}: {}", refused.stdout);
        assert!(refused.stderr.contains(why), "{bundle}: {}", refused.stderr);
    }
    assert!(files(&desk.path("fetched")).is_empty());
    let valid = validate("ours").await;
    assert_eq!(valid.code, Some(0), "{}", valid.stderr);
    // Without a key, whoever made it is trusted, which is said.
    let trusted = desk.command(&["validate", "--bundle", "theirs"]).await;
    assert_eq!(trusted.code, Some(0), "{}", trusted.stderr);
    assert!(
        trusted.stderr.contains("--bundle-key"),
        "{}",
        trusted.stderr
    );
    // Nor is what is in no file.
    let set = ["--set", "exporters.otlp.timeout=2s"];
    let refused = desk.refused(&[&pack[..], &["set"], &set].concat()).await;
    assert!(refused.contains("`--set`"), "{refused}");
    // What is outside the manifest's folder is not taken along.
    std::fs::create_dir(desk.path("conf")).unwrap();
    desk.write(
        "conf/manifest.yaml",
        desk.manifest_text("{file: ../mine.wasm}"),
    );
    let outside = [
        "plugin",
        "pack",
        "--config",
        "conf/manifest.yaml",
        "--output",
        "outside",
    ];
    let refused = desk.refused(&outside).await;
    assert!(
        refused.contains("mine.wasm") && refused.contains("below"),
        "{refused}"
    );
}
