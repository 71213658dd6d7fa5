//! A swap ends with the process, unless it is saved in the manifest; and what a manifest pins by its digest is what runs.

use serde_json::json;
use spanmill_tests::{guest, spanmill};

use crate::operator::{Operated, spans};

const MANIFEST: &str = r#"
# Our own plugin.
plugins:
  mine:
    file: mine.wasm   # built by `make`
    timeout: 2s
processors:
  mine: {behaviour: well, v2: trap}
service:
  pipelines:
    traces: {receivers: [otlp], processors: [mine], exporters: [otlp]}
"#;

async fn start() -> Operated {
    super::start_beside(MANIFEST, |folder| {
        std::fs::copy(guest("hostile"), folder.join("mine.wasm")).unwrap();
    })
    .await
}

fn v2() -> String {
    guest("hostile_v2").display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_says_that_a_restart_forgets_it() {
    let mine = start().await;
    let swapped = mine.plugin(&["swap", "mine", &v2()]).await;
    assert_eq!(swapped.code, Some(0), "{}", swapped.stderr);
    assert!(
        swapped.stdout.contains("a restart forgets it; --save"),
        "{}",
        swapped.stdout
    );
    let status = mine.told(&["status"]).await;
    assert_eq!(status[0]["differs_from_manifest"], true);
    mine.spanmill.logged("so a restart forgets it").await;
    // Back at what the file says.
    let first = mine.spanmill.file("mine.wasm").display().to_string();
    let back = mine.told(&["swap", "mine", &first]).await;
    assert_eq!(back["differs_from_manifest"], false);
    let again = mine.told(&["swap", "mine", &first]).await;
    assert_eq!(again["already_running"], json!(["mine"]));
    assert_eq!(again["components"], json!([]));
    mine.spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_swap_is_in_the_manifest() {
    let mine = start().await;
    let manifest = mine.spanmill.file("manifest.yaml");
    let before = std::fs::read_to_string(&manifest).unwrap();
    let arguments = ["swap", "mine", &v2(), "--save", "--probation", "2"];
    let swapped = mine.told(&arguments).await;
    assert_eq!(swapped["saved"]["after_probation"], true);
    // Only once it has proven itself.
    assert_eq!(std::fs::read_to_string(&manifest).unwrap(), before);
    for number in 0..2 {
        mine.send(spans(number..number + 1, "fine")).await;
    }
    mine.spanmill.logged("the swap was saved").await;
    let hash = swapped["components"][0]["to"].as_str().unwrap();
    let name = format!("plugins/mine-{}.wasm", &hash[..12]);
    assert_eq!(swapped["saved"]["file"], name.as_str());
    let after = std::fs::read_to_string(&manifest).unwrap();
    let expected = before.replace(
        "    file: mine.wasm ",
        &format!("    digest: 'sha256:{hash}'\n    file: '{name}' "),
    );
    assert_eq!(after, expected);
    let file = mine.spanmill.file(&name);
    assert_eq!(std::fs::read(&file).unwrap(), std::fs::read(v2()).unwrap());
    // The manifest's change changes nothing: it says what runs.
    mine.told(&["reload"]).await;
    let status = mine.told(&["status"]).await;
    assert_eq!(status[0]["differs_from_manifest"], false);
    assert_eq!(
        (&status[0]["swaps"], &status[0]["version"]["hash"]),
        (&json!(1), &json!(hash))
    );
    let valid = ["validate", "--config", "manifest.yaml"];
    let output = spanmill(mine.spanmill.folder(), &valid).await;
    assert_eq!(output.code, Some(0), "{}", output.stderr);
    // A file that is another one than the digest says is nobody's plugin.
    std::fs::copy(guest("hostile"), &file).unwrap();
    let output = spanmill(mine.spanmill.folder(), &valid).await;
    assert_eq!(output.code, Some(1), "{}", output.stdout);
    for part in [
        "has the digest sha256:",
        hash,
        "manifest.yaml:",
        "put the right file",
    ] {
        assert!(
            output.stderr.contains(part),
            "no {part} in {}",
            output.stderr
        );
    }
    mine.spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_is_rolled_back_is_not_saved() {
    let mine = start().await;
    let manifest = mine.spanmill.file("manifest.yaml");
    let before = std::fs::read_to_string(&manifest).unwrap();
    mine.told(&["swap", "mine", &v2(), "--save"]).await;
    mine.send(spans(0..1, "misbehave")).await;
    mine.spanmill.logged("rolled back").await;
    assert_eq!(std::fs::read_to_string(&manifest).unwrap(), before);
    assert!(!mine.spanmill.file("plugins").exists());
    let status = mine.told(&["status"]).await;
    assert_eq!(status[0]["differs_from_manifest"], false);
    mine.spanmill.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_saved_is_not_swapped() {
    let mine = start().await;
    let manifest = mine.spanmill.file("manifest.yaml");
    let elsewhere = mine.spanmill.file("elsewhere.yaml");
    std::fs::rename(&manifest, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &manifest).unwrap();
    let refused = mine.refused(&["swap", "mine", &v2(), "--save"]).await;
    for part in ["could not be saved", "a link", "digest: sha256:", "by hand"] {
        assert!(refused.contains(part), "no {part} in {refused}");
    }
    assert_eq!(mine.told(&["status"]).await[0]["swaps"], 0);
    mine.spanmill.stop().await;
}
