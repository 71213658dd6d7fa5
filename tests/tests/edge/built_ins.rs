//! The built-in plugins inside the executable.

use std::fs;
use std::path::{Path, PathBuf};

use spanmill_tests::{binary, run_program};

use super::{PLUGINS, folder, good};

/// The binary under test with the built-ins inside, alone in its folder.
async fn packed(folder: &Path) -> PathBuf {
    let copy = folder.join("spanmill");
    fs::copy(binary(), &copy).unwrap();
    let pack = ["pack-built-ins", "--plugins", PLUGINS, "--into", "spanmill"];
    good(folder, &pack).await;
    copy
}

#[tokio::test]
async fn a_copied_binary_works_alone() {
    let folder = folder();
    let copy = packed(folder.path()).await;
    let once = fs::metadata(&copy).unwrap().len();
    let valid = run_program(&copy, folder.path(), &["validate"], &[]).await;
    assert_eq!(valid.code, Some(0), "{}", valid.stderr);
    assert!(
        valid.stdout.contains("5 plugins configured"),
        "{}",
        valid.stdout
    );
    let shown = run_program(&copy, folder.path(), &["inspect"], &[])
        .await
        .stdout;
    assert!(shown.contains("with a compiler"), "{shown}");
    let built_ins = std::fs::read_dir(PLUGINS).unwrap().count();
    assert_eq!(shown.matches("plugins/").count(), built_ins, "{shown}");
    let filter = run_program(&copy, folder.path(), &["inspect", "filter"], &[])
        .await
        .stdout;
    assert!(
        filter.contains("spanmill:plugin/processor@0.1.0"),
        "{filter}"
    );
    // Packed again, the new archive takes the place of the old one.
    packed(folder.path()).await;
    let pack = ["pack-built-ins", "--plugins", PLUGINS, "--into", "spanmill"];
    let again = run_program(&copy, folder.path(), &pack, &[]).await;
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert_eq!(fs::metadata(&copy).unwrap().len(), once);
    // A folder that is named wins over what is inside.
    let none = run_program(
        &copy,
        folder.path(),
        &["validate"],
        &[("SPANMILL_PLUGINS", "/nowhere")],
    )
    .await;
    assert_eq!(none.code, Some(1));
    assert!(
        none.stderr.contains("/nowhere/filter.wasm"),
        "{}",
        none.stderr
    );
}
