//! Other versions of a plugin: the same code with another content hash.

use std::path::{Path, PathBuf};

use bytes::Bytes;

/// A built-in plugin's file.
pub fn built_in(name: &str) -> PathBuf {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/release/plugins"
    ))
    .join(format!("{name}.wasm"))
}

/// A test guest's file.
pub fn guest(name: &str) -> PathBuf {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../target/release/guests"
    ))
    .join(format!("{name}.wasm"))
}

/// The component in a file, with a custom section that makes another version of it.
///
/// # Panics
///
/// If the file cannot be read, or the mark is longer than a section's length in one byte allows.
pub fn version(file: &Path, mark: &str) -> Bytes {
    let mut bytes =
        std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let name = "version";
    let length = 1 + name.len() + mark.len();
    assert!(length < 128);
    // A custom section: id 0, its length, its name with its length, its content.
    bytes.extend([0, length as u8, name.len() as u8]);
    bytes.extend(name.as_bytes());
    bytes.extend(mark.as_bytes());
    bytes.into()
}
