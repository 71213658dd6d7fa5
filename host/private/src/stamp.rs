//! What a file looks like from outside, to tell whether it has changed.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// What changes when a file is written or replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl FileStamp {
    /// The stamp of a file, or of what a link leads to, since that is what is read; `None` if there is none.
    pub fn of(file: &Path) -> Option<FileStamp> {
        let found = std::fs::metadata(file).ok()?;
        Some(FileStamp {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_file_looks_different_once_it_was_written_or_exchanged() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        let look = |name: &str| FileStamp::of(&path(name));
        assert_eq!(look("file"), None);
        std::fs::write(path("file"), "one").unwrap();
        let first = look("file");
        std::fs::write(path("other"), "something else").unwrap();
        assert_eq!(look("file"), first);
        std::fs::write(path("file"), "longer").unwrap();
        assert_ne!(first, look("file"));
        // As Kubernetes does: the same names, another folder behind them.
        std::fs::create_dir(path("a")).unwrap();
        std::fs::create_dir(path("b")).unwrap();
        std::fs::write(path("a/file"), "text").unwrap();
        std::fs::write(path("b/file"), "text").unwrap();
        symlink("a", path("data")).unwrap();
        let before = look("data/file");
        symlink("b", path("data.new")).unwrap();
        std::fs::rename(path("data.new"), path("data")).unwrap();
        assert_ne!(look("data/file"), before);
    }
}
