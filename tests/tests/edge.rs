//! At the edge: built-ins inside the executable, plugins compiled ahead of time, executables with a manifest inside, few addresses.

mod addresses;
mod built_ins;
mod bundles;
mod memory;
mod outputs;
mod precompiled;

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{KeyPair, SigningKey as _};
use serde_json::{Map, Value};
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
        let pair = KeyPair::generate().unwrap();
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

/// A precompiled plugin as another version would have made it: a word of its header is another one, and the operator's key has signed
/// that.
fn outdated(folder: &Path, file: &str, key: &str, word: &str) -> String {
    let whole = fs::read(folder.join(file)).unwrap();
    let number = |at: usize| u32::from_le_bytes(whole[at..at + 4].try_into().unwrap()) as usize;
    let (header, rest) = whole[16..].split_at(number(8));
    let code = &rest[number(12)..];
    let mut header: Map<String, Value> = serde_json::from_slice(header).unwrap();
    assert!(header.insert(key.to_owned(), word.into()).is_some());
    let header = serde_json::to_vec(&header).unwrap();
    let pair = KeyPair::from_pem(&fs::read_to_string(folder.join("signing.pem")).unwrap()).unwrap();
    let message = [b"spanmill precompiled plugin\n", &*header].concat();
    let signature = pair.sign(&message).unwrap();
    let length = |part: &[u8]| u32::try_from(part.len()).unwrap().to_le_bytes();
    let changed = [
        &whole[..8],
        &length(&header),
        &length(&signature),
        &header,
        &signature,
        code,
    ];
    let name = format!("{key}-of-another-version.cwasm");
    fs::write(folder.join(&name), changed.concat()).unwrap();
    name
}

/// The runtime without a compiler, of this machine; `make edge-runtimes` builds it.
fn runtime() -> String {
    let architecture = std::env::consts::ARCH;
    format!(
        "{}/../target/release/runtimes/runtime-{architecture}-linux",
        env!("CARGO_MANIFEST_DIR")
    )
}

/// Makes a bundle of a manifest, which trusts the operator's key.
async fn bundle(folder: &Path, manifest: &str) -> PathBuf {
    make_keys(folder);
    let runtime = runtime();
    let arguments = [
        "bundle",
        "--config",
        manifest,
        "--target",
        TARGET,
        "--runtime",
        &runtime,
        "--code-key",
        "signing.pub",
        "--with",
        "exceptions",
        "-o",
        "edge",
    ];
    good(folder, &arguments).await;
    folder.join("edge")
}
