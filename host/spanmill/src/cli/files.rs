//! Files that commands read and write.

use std::path::Path;

#[cfg(feature = "compiler")]
use spanmill_distribution::SigningKey;
use spanmill_private::read_regular;

use super::output::Failure;

#[cfg(feature = "compiler")]
/// The largest file with a key.
const MAX_KEY: u64 = 64 * 1024;
/// The largest text: settings, and what a case expects.
const MAX_TEXT: u64 = 64 * 1024 * 1024;

#[cfg(feature = "compiler")]
/// Reads a private key.
pub(super) fn signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let failed = |why: String| Failure(format!("error: the key {}: {why}", path.display()));
    let pem = read_regular(path, MAX_KEY).map_err(|error| failed(error.to_string()))?;
    SigningKey::from_pem(&pem).map_err(|error| failed(error.to_string()))
}

/// Reads a text.
pub(super) fn read_text(path: &Path) -> Result<String, Failure> {
    let bytes = read_regular(path, MAX_TEXT).map_err(|error| unreadable(path, &error))?;
    String::from_utf8(bytes).map_err(|error| unreadable(path, &std::io::Error::other(error)))
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("error: cannot read {}: {error}", path.display()))
}

/// Refuses an output that is one of the files that it is made of, which would be gone.
///
/// # Errors
///
/// It is, whatever the path that names it.
pub(super) fn check_output<'a>(
    output: &Path,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt as _;
    let file = |path: &Path| {
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    };
    let Some(output_file) = file(output) else {
        return Ok(());
    };
    let mut inputs = inputs.into_iter();
    match inputs.find(|input| file(input) == Some(output_file)) {
        Some(input) => Err(Failure(format!(
            "error: the output {} is the input {}, which would be lost; name another file",
            output.display(),
            input.display()
        ))),
        None => Ok(()),
    }
}

#[cfg(feature = "fetch")]
pub(super) fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure(format!("error: cannot write {}: {error}", path.display()))
}
