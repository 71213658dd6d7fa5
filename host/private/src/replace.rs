//! Replacing a file of the user's.

use std::fs::{File, canonicalize, metadata, remove_file, rename, symlink_metadata};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file whole or not at all. One that was there is replaced, and its mode kept; a symbolic link is followed.
///
/// # Errors
///
/// There is something other than a regular file (a device, a pipe, a folder), the link leads nowhere, or it cannot be written.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let is_link = symlink_metadata(path).is_ok_and(|found| found.is_symlink());
    let path = match is_link {
        true => &canonicalize(path)?,
        false => path,
    };
    let found = metadata(path);
    if found.as_ref().is_ok_and(|found| !found.is_file()) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file, and is not replaced by one",
        ));
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let part = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
    let mode = found.map(|found| found.permissions());
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_and_what_is_no_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("file"), "old").unwrap();
        symlink("file", path("link")).unwrap();
        replace(&path("link"), b"new").unwrap();
        assert_eq!(fs::read(path("file")).unwrap(), b"new");
        assert!(symlink_metadata(path("link")).unwrap().is_symlink());

        symlink("nowhere", path("dangling")).unwrap();
        replace(&path("dangling"), b"new").unwrap_err();
        assert!(!path("nowhere").exists());

        let socket = std::os::unix::net::UnixListener::bind(path("socket")).unwrap();
        let error = replace(&path("socket"), b"new").unwrap_err();
        assert!(error.to_string().contains("no regular file"), "{error}");
        drop(socket);
        replace(folder.path(), b"new").unwrap_err();
        let mut left: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["dangling", "file", "link", "socket"]);
    }
}
