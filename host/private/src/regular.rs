//! Reading a file that somebody else names: never more than expected, and never waiting for it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat, fstat, open};

/// Reads a regular file of at most `max` bytes. Follows links, and looks at what was opened rather than at the path: a
/// pipe, a device or a file that is too large is an error at once, without a byte read.
pub fn read_regular(path: &Path, max: u64) -> io::Result<Vec<u8>> {
    // A pipe without a writer would hold `open` up, were it not for NONBLOCK.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty())?;
    let stat = fstat(&file)?;
    read_opened(file, &stat, max)
}

/// As [`read_regular`], for text.
pub fn read_regular_text(path: &Path, max: u64) -> io::Result<String> {
    String::from_utf8(read_regular(path, max)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Whether an error of [`read_regular`] says that the file has too many bytes.
pub fn is_too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}

pub(crate) fn read_opened(file: OwnedFd, stat: &Stat, max: u64) -> io::Result<Vec<u8>> {
    let too_large = |size: u64| {
        io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("it has {size} bytes, and {max} is the most that is read"),
        )
    };
    let kind = FileType::from_raw_mode(stat.st_mode);
    if kind != FileType::RegularFile {
        return Err(io::Error::other(format!(
            "it is {}, not a file",
            name(kind)
        )));
    }
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if size > max {
        return Err(too_large(size));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // It may have grown since.
    File::from(file)
        .take(max.saturating_add(1))
        .read_to_end(&mut bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(read) if read <= max => Ok(bytes),
        Ok(read) => Err(too_large(read)),
        Err(_) => Err(too_large(u64::MAX)),
    }
}

fn name(kind: FileType) -> &'static str {
    match kind {
        FileType::Directory => "a folder",
        FileType::Fifo => "a pipe",
        FileType::Socket => "a socket",
        FileType::CharacterDevice | FileType::BlockDevice => "a device",
        FileType::Symlink => "a symbolic link",
        _ => "something else",
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_is_read_also_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "text").unwrap();
        symlink("file", folder.path().join("link")).unwrap();
        assert_eq!(read_regular(&path, 4).unwrap(), b"text");
        assert_eq!(
            read_regular(&folder.path().join("link"), 4).unwrap(),
            b"text"
        );
    }

    #[test]
    fn what_would_hang_or_fill_the_memory_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let pipe = path("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
        symlink("/dev/zero", path("zero")).unwrap();
        let sparse = File::create(path("sparse")).unwrap();
        sparse.set_len(4 << 30).unwrap();
        std::fs::write(path("five"), "12345").unwrap();
        for (name, part) in [
            ("pipe", "it is a pipe, not a file"),
            ("zero", "it is a device, not a file"),
            (".", "it is a folder, not a file"),
            ("sparse", "it has 4294967296 bytes"),
            ("five", "it has 5 bytes, and 4 is the most"),
        ] {
            let error = read_regular(&path(name), 4).unwrap_err().to_string();
            assert!(error.contains(part), "{name}: {error}");
        }
        let missing = read_regular(&path("missing"), 4).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn text_is_utf_8_and_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read_regular_text(&path, 5).unwrap(), "12345");
        assert!(is_too_large(&read_regular_text(&path, 4).unwrap_err()));
        std::fs::write(&path, [0xff]).unwrap();
        let error = read_regular_text(&path, 5).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }
}
