//! Making a program with an archive of one that has none, or another.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::archive::{Archive, FileInfo, MAX_FILE};
use crate::compression::compress;
use crate::error::ArchiveError;
use crate::trailer::{self, Trailer};

/// A file with less is nobody's base: it would save nothing.
const SMALLEST_BASE: usize = 64 * 1024;

/// A file to put in.
#[derive(Clone, Debug)]
pub struct NewFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The length of a program without its archive.
///
/// # Errors
///
/// It cannot be read, or its archive is damaged.
pub fn program_length(path: &Path) -> Result<u64, ArchiveError> {
    match Archive::of_program(path)? {
        Some(archive) => Ok(archive.begin()),
        None => Ok(File::open(path)?.metadata()?.len()),
    }
}

/// The bytes of a program with these files in it, in the place of those that it has.
///
/// # Errors
///
/// It cannot be read, or a file does not fit in.
pub fn attach(program: &Path, files: &[NewFile]) -> Result<Vec<u8>, ArchiveError> {
    let length = program_length(program)?;
    let length = usize::try_from(length).map_err(std::io::Error::other)?;
    let mut bytes = vec![0; length];
    File::open(program)?.read_exact_at(&mut bytes, 0)?;
    append(&mut bytes, files)?;
    Ok(bytes)
}

fn append(program: &mut Vec<u8>, files: &[NewFile]) -> Result<(), ArchiveError> {
    let begin = program.len();
    let mut index = Vec::with_capacity(files.len());
    let mut names = BTreeSet::new();
    let base = files.iter().max_by_key(|file| file.bytes.len());
    let base = base.filter(|base| base.bytes.len() >= SMALLEST_BASE);
    for NewFile { name, bytes } in files {
        let unfit = |why: &str| ArchiveError::Unfit {
            name: name.clone(),
            why: why.to_owned(),
        };
        if !names.insert(name) {
            return Err(unfit("there is another file of that name"));
        }
        if length(bytes) > MAX_FILE {
            return Err(unfit("it is too long"));
        }
        let mut stored = compress(bytes, &[])?;
        let mut with = None;
        if let Some(base) = base.filter(|base| base.name != *name) {
            let beside = compress(bytes, &base.bytes)?;
            if is_worth_two_reads(beside.len(), stored.len()) {
                (stored, with) = (beside, Some(base.name.clone()));
            }
        }
        index.push(FileInfo {
            name: name.clone(),
            size: length(bytes),
            stored: length(&stored),
            offset: length(program.get(begin..).unwrap_or(&[])),
            hash: *blake3::hash(&stored).as_bytes(),
            base: with,
        });
        program.extend_from_slice(&stored);
    }
    let index = serde_json::to_vec(&index).map_err(std::io::Error::other)?;
    program.extend_from_slice(&index);
    let archive = program
        .len()
        .saturating_sub(begin)
        .saturating_add(trailer::LENGTH);
    let trailer = Trailer {
        index: length(&index),
        archive: u64::try_from(archive).unwrap_or(u64::MAX),
        hash: *blake3::hash(&index).as_bytes(),
    };
    program.extend_from_slice(&trailer.to_bytes());
    Ok(())
}

/// Whether what a file takes beside a base, of what it takes alone, is worth the reading of both. In most archives the base is read for
/// others as well.
fn is_worth_two_reads(beside: usize, alone: usize) -> bool {
    beside < alone.saturating_mul(2) / 3
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
