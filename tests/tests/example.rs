//! The example plugin, as its README says to use it: a crate outside the workspace, named by its manifest.

use std::path::Path;

use spanmill_tests::{request, span, spanmill, text};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/drop-routes");
const BUILT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../target/release/guests/drop_routes.wasm"
);

/// The example's folder, with the component where its manifest looks for it.
fn example() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let built = folder.path().join("target/wasm32-wasip2/release");
    std::fs::create_dir_all(&built).unwrap();
    std::fs::copy(BUILT, built.join("drop_routes.wasm")).unwrap();
    let manifest = std::fs::read_to_string(Path::new(EXAMPLE).join("manifest.yaml")).unwrap();
    (folder, manifest)
}

#[tokio::test]
async fn the_example_plugin_does_what_its_readme_says() {
    let (folder, manifest) = example();
    let file = folder.path().join("manifest.yaml");
    std::fs::write(&file, &manifest).unwrap();
    let input = folder.path().join("input.json");
    let spans = vec![
        span(1, "probe", vec![text("http.route", "/healthz")]),
        span(2, "order", vec![text("http.route", "/orders")]),
    ];
    let recorded = request("shop", spans);
    std::fs::write(&input, serde_json::to_vec(&recorded).unwrap()).unwrap();
    let out = spanmill(
        folder.path(),
        &[
            "replay",
            "--config",
            "manifest.yaml",
            "--input",
            "input.json",
        ],
    )
    .await;
    assert_eq!(out.code, Some(0), "{}", out.stderr);
    assert!(
        out.stdout.contains("\"order\"") && !out.stdout.contains("\"probe\""),
        "{}",
        out.stdout
    );
}

#[tokio::test]
async fn a_plugin_that_reads_more_than_it_is_allowed_is_refused_with_the_difference() {
    let (folder, manifest) = example();
    let narrowed = manifest.replace(
        "reads: ['span.attributes[\"http.route\"]']",
        "reads: [span.name]",
    );
    assert_ne!(manifest, narrowed);
    std::fs::write(folder.path().join("manifest.yaml"), narrowed).unwrap();
    let out = spanmill(folder.path(), &["validate", "--config", "manifest.yaml"]).await;
    assert_eq!(out.code, Some(1));
    for word in [
        "manifest.yaml:",
        "drop_routes",
        "span.attributes[\"http.route\"]",
        "allow.reads",
    ] {
        assert!(out.stderr.contains(word), "{word}: {}", out.stderr);
    }
}
