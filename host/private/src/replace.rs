//! Replacing a file of the user's.

use std::fs::{File, metadata, remove_file, rename};
use std::io::{self, Write as _};
use std::path::Path;

/// Puts a file in the place of another, whole or not at all, with the same mode.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let mode = metadata(path).map(|found| found.permissions());
    let written = (|| {
        let mut file = File::create(&part)?;
        if let Ok(mode) = mode {
            file.set_permissions(mode)?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        rename(&part, path)
    })();
    if written.is_err() {
        // It may not have been made.
        let _ = remove_file(&part);
    }
    written
}
