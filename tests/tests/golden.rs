//! Recorded input through a manifest gives the output written down beside it: every folder
//! `tests/golden/<plugin>/<case>/`. `UPDATE_GOLDEN=1` writes the outputs anew; read the difference.

use std::path::{Path, PathBuf};

use serde_json::Value;
use spanmill_tests::spanmill;

/// The folders in a folder, in order.
fn folders(path: &Path) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    folders.sort();
    folders
}

/// The JSON values in a text, one after the other.
fn values(text: &str) -> Vec<Value> {
    let values = serde_json::Deserializer::from_str(text).into_iter();
    values.map(|value| value.unwrap()).collect()
}

fn indented(values: &[Value]) -> String {
    let lines = values
        .iter()
        .map(|value| serde_json::to_string_pretty(value).unwrap() + "\n");
    lines.collect()
}

/// What a replay writes.
async fn replay(case: &Path) -> Vec<Value> {
    let arguments = [
        "replay",
        "--config",
        "manifest.yaml",
        "--input",
        "input.json",
        "--log-level",
        "warn",
    ];
    let output = spanmill(case, &arguments).await;
    assert_eq!(
        output.code,
        Some(0),
        "{}: {}",
        case.display(),
        output.stderr
    );
    values(&output.stdout)
}

#[tokio::test]
async fn recorded_input_gives_the_expected_output() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let mut wrong = Vec::new();
    for plugin in folders(&root) {
        let cases = folders(&plugin);
        assert!(
            cases.len() >= 2,
            "{} has fewer than 2 cases",
            plugin.display()
        );
        for case in cases {
            let found = replay(&case).await;
            let again = replay(&case).await;
            assert_eq!(found, again, "{}: two runs differ", case.display());
            let file = case.join("expected.json");
            if update {
                std::fs::write(&file, indented(&found)).unwrap();
            } else if values(&std::fs::read_to_string(&file).unwrap_or_default()) != found {
                wrong.push(format!("{}:\n{}", case.display(), indented(&found)));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "not what expected.json says (UPDATE_GOLDEN=1 rewrites it): {}",
        wrong.join("\n")
    );
}
