//! Reading files that somebody else names.

use std::io;
use std::path::Path;

pub(crate) use spanmill_private::read_regular;

/// As [`read_regular`], for text.
pub(crate) fn read_regular_text(path: &Path, max: u64) -> io::Result<String> {
    String::from_utf8(read_regular(path, max)?)
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8 text"))
}

/// Whether an error of [`read_regular`] says that the file has too many bytes.
pub(crate) fn is_too_large(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::FileTooLarge
}
