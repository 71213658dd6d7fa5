//! At the edge: built-ins inside the executable, plugins compiled ahead of time, executables with a manifest inside, few addresses.

mod addresses;
mod built_ins;
mod bundles;
mod precompiled;

use std::fs;
use std::path::Path;

use spanmill_tests::{Output, spanmill};
use tempfile::TempDir;

const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/release/plugins");
/// A plugin that is compiled in no time.
const SAMPLER: &str = "probabilistic_sampler";
/// This machine, as `--target` names it.
const TARGET: &str = match cfg!(target_arch = "aarch64") {
    true => "aarch64-linux",
    false => "x86_64-linux",
};
/// Another one.
const FOREIGN: &str = match cfg!(target_arch = "aarch64") {
    true => "x86_64-linux",
    false => "aarch64-linux",
};

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn plugin(kind: &str) -> String {
    format!("{PLUGINS}/{kind}.wasm")
}

/// A command that must go well; what it wrote.
async fn good(folder: &Path, arguments: &[&str]) -> Output {
    let output = spanmill(folder, arguments).await;
    assert_eq!(output.code, Some(0), "{arguments:?}: {}", output.stderr);
    output
}

/// Two keys in a folder: the operator's, and a stranger's.
fn make_keys(folder: &Path) {
    for name in ["signing", "stranger"] {
        let pair = rcgen::KeyPair::generate().unwrap();
        fs::write(folder.join(format!("{name}.pem")), pair.serialize_pem()).unwrap();
        fs::write(folder.join(format!("{name}.pub")), pair.public_key_pem()).unwrap();
    }
}

/// Compiles a plugin for a target.
async fn compile(folder: &Path, kind: &str, target: &str, key: Option<&str>) -> String {
    let output = format!("{kind}-{target}-{}.cwasm", key.unwrap_or("unsigned"));
    let file = plugin(kind);
    let mut arguments = vec![
        "plugin", "compile", &file, "--target", target, "-o", &output,
    ];
    let key = key.map(|key| format!("{key}.pem"));
    if let Some(key) = &key {
        arguments.extend(["--key", key]);
    }
    good(folder, &arguments).await;
    output
}
