//! What `spanmill validate` says of statements and conditions with mistakes in them: where, what is wrong, and what was likely
//! meant. `tests/data/broken-statements.txt` has them, each with the whole message; `UPDATE_EXPECT=1` writes it anew.

use std::path::Path;

use spanmill_tests::{Output, spanmill};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/broken-statements.txt");
/// Stands before each of them, which is `setting: text`.
const MARK: &str = "\n== ";
const LEAST: usize = 40;

/// A manifest with a statement or condition in line 9.
fn manifest(setting: &str, text: &str) -> String {
    let signal = match setting.split_once('_') {
        Some(("trace", _)) => "traces",
        Some(("log", _)) => "logs",
        Some(("metric", _)) => "metrics",
        _ => panic!("no setting {setting}"),
    };
    let component = match setting.ends_with("statements") {
        true => "transform",
        false => "filter",
    };
    let text = text.replace('\'', "''");
    format!(
        "receivers: {{otlp: {{protocols: {{grpc: {{endpoint: '127.0.0.1:0'}}}}}}}}
exporters: {{debug: }}
service:
  pipelines:
    {signal}: {{receivers: [otlp], processors: [{component}], exporters: [debug]}}
processors:
  {component}:
    {setting}:
      - '{text}'
"
    )
}

/// What is said of it, which must be a mistake, told with its line.
async fn said(folder: &Path, setting: &str, text: &str) -> String {
    std::fs::write(folder.join("bad.yaml"), manifest(setting, text)).unwrap();
    let Output { code, stderr, .. } = spanmill(folder, &["validate", "--config", "bad.yaml"]).await;
    assert_eq!(code, Some(1), "{text}: {stderr}");
    assert!(stderr.contains("--> bad.yaml:9:9"), "{text}: {stderr}");
    assert!(stderr.contains(": column "), "{text}: {stderr}");
    // The first time, that a plugin is being compiled is told as well.
    let told = stderr.lines().filter(|line| !line.contains("  INFO "));
    told.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
async fn mistakes_in_statements_are_told_with_their_place() {
    let file = std::fs::read_to_string(FILE).unwrap();
    let mut blocks = file.split(MARK);
    let mut now = blocks.next().unwrap().to_owned();
    let folder = tempfile::tempdir().unwrap();
    let mut count = 0;
    for block in blocks {
        let head = block.lines().next().unwrap();
        let (setting, text) = head.split_once(':').unwrap();
        let said = said(folder.path(), setting, text.trim()).await;
        now.push_str(&format!("{MARK}{head}\n{}\n", said.trim_end()));
        count += 1;
    }
    assert!(count >= LEAST, "{count}");
    expect_test::expect_file![FILE].assert_eq(&now);
}
