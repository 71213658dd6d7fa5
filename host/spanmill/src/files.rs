//! Reading files that others put there: never more than was asked for, and never one that does not end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

/// Reads a whole file that has at most `max` bytes. A link is followed; what is no regular file in the end is refused
/// before anything is read: a device never ends, and a FIFO may never begin.
pub(crate) fn read_regular(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    let (file, size) = open_regular(path)?;
    if size > max {
        return Err(too_large(max));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // It may grow meanwhile: one byte more than allowed tells.
    file.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > max {
        return Err(too_large(max));
    }
    Ok(bytes)
}

/// As [`read_regular`], for text.
pub(crate) fn read_regular_text(path: &Path, max: u64) -> io::Result<String> {
    String::from_utf8(read_regular(path, max)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Opens a regular file for reading, and says how large it is. Never waits, as opening a FIFO would.
pub(crate) fn open_regular(path: &Path) -> io::Result<(File, u64)> {
    // A file cannot be written to in an `i32` flag's sign bit: the value is a small constant on every system.
    let nonblock = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblock)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        let what = if metadata.is_dir() {
            "it is a folder"
        } else {
            "it is not a regular file"
        };
        return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
    }
    Ok((file, metadata.len()))
}

/// Whether an error of [`read_regular`] says that the file has too many bytes.
pub(crate) fn is_too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}

fn too_large(max: u64) -> io::Error {
    let what = format!("it is larger than {max} bytes");
    io::Error::new(io::ErrorKind::FileTooLarge, what)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use rustix::fs::{FileType, Mode, mknodat};

    use super::*;

    fn refused(path: &Path, max: u64) -> ErrorKind {
        read_regular(path, max).unwrap_err().kind()
    }

    #[test]
    fn what_is_read_has_a_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_regular(&path, 5).unwrap(), b"12345");
        assert_eq!(refused(&path, 4), ErrorKind::FileTooLarge);
        // Nothing is allocated for what a sparse file claims to have.
        File::options()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(1 << 40)
            .unwrap();
        assert_eq!(refused(&path, 1 << 30), ErrorKind::FileTooLarge);
    }

    #[test]
    fn what_does_not_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        assert_eq!(refused(&link, 1 << 30), ErrorKind::InvalidInput);
        let fifo = folder.path().join("fifo");
        mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
        assert_eq!(refused(&fifo, 1 << 30), ErrorKind::InvalidInput);
        assert_eq!(refused(folder.path(), 1 << 30), ErrorKind::InvalidInput);
        assert_eq!(refused(&folder.path().join("none"), 1), ErrorKind::NotFound);
    }

    #[test]
    fn text_is_utf_8() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, [0xff]).unwrap();
        let error = read_regular_text(&path, 5).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
    }
}
