//! A folder that only its owner can write to, held by a handle, so that another one cannot be put in its place.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW, fstat, fsync,
    linkat, open, openat, renameat, statat, unlinkat, utimensat,
};

use crate::regular::read_opened;
use crate::trusts;

/// A folder that this user or root owns and nobody else can write to, and the files in it of which the same is true.
///
/// Neither the folder nor a file is taken through a symbolic link. Everything is done by the folder's handle, and
/// owner and mode are asked of what was opened, so nothing can be exchanged between the look and the use.
#[derive(Debug)]
pub struct PrivateFolder {
    handle: OwnedFd,
    path: PathBuf,
}

/// A regular file of a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last written, or [touched](PrivateFolder::touch).
    pub modified: SystemTime,
}

/// Makes names of unfinished files differ.
static PARTS: AtomicU64 = AtomicU64::new(0);

/// How unfinished files end.
const PART: &str = ".part";

impl PrivateFolder {
    /// Opens the folder; makes it and what is above it if it is missing, for this user only.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Without a slash at the end, which would have a link followed.
        let path: PathBuf = path.components().collect();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&path)
            .or_else(|error| match error.kind() {
                // What stands there instead is told below.
                io::ErrorKind::AlreadyExists => Ok(()),
                _ => Err(error),
            })?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = open(&path, flags, Mode::empty()).map_err(|error| match error {
            rustix::io::Errno::NOTDIR | rustix::io::Errno::LOOP => {
                io::Error::other("it is no folder, or a symbolic link; name the folder itself")
            }
            error => error.into(),
        })?;
        check(&fstat(&handle)?)?;
        Ok(PrivateFolder { handle, path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file of at most `max` bytes.
    pub fn read(&self, name: &str, max: u64) -> io::Result<Vec<u8>> {
        let (file, stat) = self.opened(name)?;
        read_opened(file, &stat, max)
    }

    /// As [`PrivateFolder::read`], of a file that nobody else can even read.
    pub fn read_secret(&self, name: &str, max: u64) -> io::Result<Vec<u8>> {
        let (file, stat) = self.opened(name)?;
        if stat.st_mode & 0o077 != 0 {
            return Err(io::Error::other("others can read it"));
        }
        read_opened(file, &stat, max)
    }

    fn opened(&self, name: &str) -> io::Result<(OwnedFd, Stat)> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = openat(&self.handle, plain(name)?, flags, Mode::empty())?;
        let stat = fstat(&file)?;
        check(&stat)?;
        Ok((file, stat))
    }

    /// Puts a file in place, whole or not at all, readable by this user only.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let part = self.part(plain(name)?, bytes)?;
        renameat(&self.handle, &part, &self.handle, name).map_err(|error| {
            self.discard(&part);
            error.into()
        })
    }

    /// As [`PrivateFolder::write`], unless there is one of that name already; returns whether it was written.
    pub fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<bool> {
        let part = self.part(plain(name)?, bytes)?;
        let linked = linkat(&self.handle, &part, &self.handle, name, AtFlags::empty());
        self.discard(&part);
        match linked {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::EXIST) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn part(&self, name: &str, bytes: &[u8]) -> io::Result<String> {
        let number = PARTS.fetch_add(1, Relaxed);
        let part = format!(".{name}.{}.{number}{PART}", std::process::id());
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.handle, &part, flags, Mode::RUSR | Mode::WUSR)?;
        let mut file = std::fs::File::from(file);
        let written = file
            .write_all(bytes)
            .and_then(|()| fsync(&file).map_err(io::Error::from));
        match written {
            Ok(()) => Ok(part),
            Err(error) => {
                self.discard(&part);
                Err(error)
            }
        }
    }

    fn discard(&self, part: &str) {
        // It is in nobody's way; `entries` shows it to whoever cleans up.
        let _ = unlinkat(&self.handle, part, AtFlags::empty());
    }

    /// Its regular files, unfinished ones included.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            // It may be gone by now.
            let Ok(stat) = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile {
                entries.push(Entry {
                    name: name.to_owned(),
                    bytes: u64::try_from(stat.st_size).unwrap_or(0),
                    modified: modified(&stat),
                });
            }
        }
        Ok(entries)
    }

    /// Removes a file; one that is gone already is no error.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.handle, plain(name)?, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Sets a file's time to now, as if it had been written.
    pub fn touch(&self, name: &str) -> io::Result<()> {
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_NOW,
        };
        let times = Timestamps {
            last_access: now,
            last_modification: now,
        };
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        Ok(utimensat(&self.handle, plain(name)?, &times, flags)?)
    }
}

impl Entry {
    /// Whether it was being written when the process that did so ended.
    pub fn is_unfinished(&self) -> bool {
        self.name.ends_with(PART)
    }
}

/// A name that stays in the folder.
fn plain(name: &str) -> io::Result<&str> {
    match Path::new(name).file_name() == Some(OsStr::new(name)) {
        true => Ok(name),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{name:?} is no file name"),
        )),
    }
}

fn check(stat: &Stat) -> io::Result<()> {
    checked(crate::own_user(), stat.st_uid, stat.st_mode)
}

/// Whether a file or folder is this user's or root's, and nobody else's to write. An access control list that lets
/// others write shows in the group's bits.
fn checked(own: u32, owner: u32, mode: u32) -> io::Result<()> {
    if !trusts(own, owner) {
        return Err(io::Error::other(format!(
            "user {owner} owns it, not this user ({own}) or root"
        )));
    }
    if mode & 0o022 != 0 {
        return Err(io::Error::other(
            "others can write to it; run `chmod go-w` on it",
        ));
    }
    Ok(())
}

fn modified(stat: &Stat) -> SystemTime {
    let seconds = Duration::from_secs(u64::try_from(stat.st_mtime).unwrap_or(0));
    SystemTime::UNIX_EPOCH
        .checked_add(seconds)
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests;
