//! Reading an archive: its index at once, a file when it is asked for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::compression::decompress;
use crate::embedded::Embedded;
use crate::error::ArchiveError;
use crate::trailer::{self, Trailer};

/// The most that an index may have.
const MAX_INDEX: u64 = 1024 * 1024;
/// The most that a file may have once it is decompressed.
pub(crate) const MAX_FILE: u64 = 256 * 1024 * 1024;

/// A file, as the index has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileInfo {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub size: u64,
    /// Its bytes as they are stored.
    pub stored: u64,
    /// Where they begin, from the archive's first byte on.
    pub(crate) offset: u64,
    /// BLAKE3 of the stored bytes.
    pub(crate) hash: [u8; blake3::OUT_LEN],
    /// The name of the file that it was compressed with, which has none itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) base: Option<String>,
}

/// The files inside a program.
#[derive(Debug)]
pub struct Archive {
    program: File,
    /// Where the archive begins.
    begin: u64,
    files: Vec<FileInfo>,
    /// The file that others were compressed with, while some are read.
    base: Mutex<Option<(String, Arc<Vec<u8>>)>>,
}

impl Archive {
    /// The archive in the program that runs; `None` if it has none.
    ///
    /// # Errors
    ///
    /// It is damaged, or the program's file cannot be read.
    pub fn of_this_program() -> Result<Option<Self>, ArchiveError> {
        // What runs, also after its file was replaced.
        let path = match cfg!(target_os = "linux") {
            true => Path::new("/proc/self/exe").to_owned(),
            false => std::env::current_exe()?,
        };
        Self::of_program(&path)
    }

    /// The archive in any program, to look at. It is no [`Embedded`] that comes of it.
    ///
    /// # Errors
    ///
    /// As for [`Archive::of_this_program`].
    pub(crate) fn of_program(path: &Path) -> Result<Option<Self>, ArchiveError> {
        let program = File::open(path)?;
        let length = program.metadata()?.len();
        let Some(at) = length.checked_sub(trailer::LENGTH as u64) else {
            return Ok(None);
        };
        let mut last = [0; trailer::LENGTH];
        program.read_exact_at(&mut last, at)?;
        let Some(trailer) = Trailer::from_bytes(&last, length)? else {
            return Ok(None);
        };
        if trailer.index > MAX_INDEX {
            return Err(ArchiveError::damaged("its index is too long"));
        }
        let begin = length.saturating_sub(trailer.archive);
        let index = read(&program, at.saturating_sub(trailer.index), trailer.index)?;
        if blake3::hash(&index) != blake3::Hash::from_bytes(trailer.hash) {
            return Err(ArchiveError::damaged("its index is not what was written"));
        }
        let files: Vec<FileInfo> = serde_json::from_slice(&index)
            .map_err(|error| ArchiveError::damaged(format!("its index: {error}")))?;
        Ok(Some(Archive {
            program,
            begin,
            files,
            base: Mutex::default(),
        }))
    }

    /// Where the archive begins, and the program itself ends.
    pub(crate) fn begin(&self) -> u64 {
        self.begin
    }

    /// Its files.
    pub fn files(&self) -> &[FileInfo] {
        &self.files
    }

    /// Whether it has a file of that name.
    pub fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file.name == name)
    }

    /// Reads a file, and checks that it is what was written.
    ///
    /// # Errors
    ///
    /// It is not there, damaged, or cannot be read.
    pub fn read(&self, name: &str) -> Result<Embedded, ArchiveError> {
        let file = self.file(name)?;
        if self
            .files
            .iter()
            .any(|other| other.base.as_deref() == Some(name))
        {
            return Ok(Embedded::new(self.base(file)?));
        }
        let bytes = match &file.base {
            None => self.bytes(file, &[]),
            Some(base) => self.bytes(file, &self.base(self.file(base)?)?),
        };
        Ok(Embedded::new(Arc::new(bytes?)))
    }

    /// Lets go of what is kept for reading further files.
    pub fn forget(&self) {
        *self.base.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn file(&self, name: &str) -> Result<&FileInfo, ArchiveError> {
        let mut files = self.files.iter();
        let file = files.find(|file| file.name == name);
        file.ok_or_else(|| ArchiveError::Missing(name.to_owned()))
    }

    /// The bytes of a file that others were compressed with: read once for all of them.
    fn base(&self, file: &FileInfo) -> Result<Arc<Vec<u8>>, ArchiveError> {
        if file.base.is_some() {
            let why = format!("{} is stored in a way that is unknown", file.name);
            return Err(ArchiveError::damaged(why));
        }
        let mut kept = self.base.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((name, bytes)) = &*kept
            && *name == file.name
        {
            return Ok(Arc::clone(bytes));
        }
        let bytes = Arc::new(self.bytes(file, &[])?);
        *kept = Some((file.name.clone(), Arc::clone(&bytes)));
        Ok(bytes)
    }

    fn bytes(&self, file: &FileInfo, base: &[u8]) -> Result<Vec<u8>, ArchiveError> {
        let name = &file.name;
        if file.size > MAX_FILE || file.stored > MAX_FILE {
            return Err(ArchiveError::damaged(format!("{name} is too long")));
        }
        let at = self.begin.saturating_add(file.offset);
        let stored = read(&self.program, at, file.stored)?;
        if blake3::hash(&stored) != blake3::Hash::from_bytes(file.hash) {
            return Err(ArchiveError::damaged(format!(
                "{name} is not what was written"
            )));
        }
        let size = usize::try_from(file.size).unwrap_or(usize::MAX);
        decompress(&stored, base, size)
            .map_err(|error| ArchiveError::damaged(format!("{name}: {error}")))
    }
}

fn read(file: &File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}
