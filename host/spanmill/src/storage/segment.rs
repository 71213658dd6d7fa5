//! A file of a journal: compressed blocks of records, each with its checksum, so that a block that was not written to its end is
//! told from one that was.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

use super::checksum::checksum;

/// At the start of each file; the last byte is the version of the layout.
const MAGIC: [u8; 8] = *b"SPANHLD\x01";

/// In front of each block: its length as written, its length as it was, and the checksum of what is written.
const HEAD: usize = 4 + 4 + 8;

/// More cannot stand in a block: it is smaller than a request may be, several times over.
const MAX_BLOCK: usize = 1 << 30;

/// Levels beyond cost more than they save.
const LEVEL: i32 = 1;

/// A file that blocks are appended to.
pub(super) struct SegmentFile {
    file: File,
    /// Up to here all blocks are whole.
    length: u64,
}

impl SegmentFile {
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut file = File::create(path)?;
        file.write_all(&MAGIC)?;
        let length = MAGIC.len() as u64;
        Ok(SegmentFile { file, length })
    }

    /// Appends a block. After a failure the file is as it was before.
    pub fn append(&mut self, records: &[u8], fsync: bool) -> io::Result<()> {
        let block = block(records)?;
        let written = self.file.write_all(&block).and_then(|()| match fsync {
            true => self.file.sync_data(),
            false => Ok(()),
        });
        match written {
            Ok(()) => self.length += block.len() as u64,
            Err(_) => {
                // What follows must not stand behind half a block.
                self.file.set_len(self.length)?;
                io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.length))?;
            }
        }
        written
    }
}

fn block(records: &[u8]) -> io::Result<Vec<u8>> {
    let compressed = zstd::bulk::compress(records, LEVEL)?;
    let too_large = || io::Error::other("too many records for one block");
    let raw = u32::try_from(records.len()).map_err(|_| too_large())?;
    let length = u32::try_from(compressed.len()).map_err(|_| too_large())?;
    let mut block = Vec::with_capacity(HEAD + compressed.len());
    block.extend_from_slice(&length.to_le_bytes());
    block.extend_from_slice(&raw.to_le_bytes());
    block.extend_from_slice(&checksum(&compressed).to_le_bytes());
    block.extend_from_slice(&compressed);
    Ok(block)
}

/// Reads all whole blocks of a file. Returns whether there is nothing else in it.
pub(super) fn read(path: &Path, mut each: impl FnMut(&[u8])) -> io::Result<bool> {
    let mut file = io::BufReader::new(File::open(path)?);
    let mut magic = [0; MAGIC.len()];
    if !fill(&mut file, &mut magic)? || magic != MAGIC {
        return Ok(false);
    }
    loop {
        let mut head = [0; HEAD];
        let Some(first) = file.by_ref().bytes().next() else {
            return Ok(true);
        };
        let [start, rest @ ..] = &mut head;
        *start = first?;
        if !fill(&mut file, rest)? {
            return Ok(false);
        }
        let Some((length, raw, written)) = lengths(&head) else {
            return Ok(false);
        };
        if length > MAX_BLOCK || raw > MAX_BLOCK {
            return Ok(false);
        }
        let mut compressed = Vec::new();
        file.by_ref()
            .take(length as u64)
            .read_to_end(&mut compressed)?;
        if compressed.len() < length || checksum(&compressed) != written {
            return Ok(false);
        }
        match zstd::bulk::decompress(&compressed, raw) {
            Ok(records) => each(&records),
            Err(_) => return Ok(false),
        }
    }
}

fn lengths(head: &[u8; HEAD]) -> Option<(usize, usize, u64)> {
    let (length, rest) = head.split_first_chunk::<4>()?;
    let (raw, rest) = rest.split_first_chunk::<4>()?;
    let checksum = rest.first_chunk::<8>()?;
    let size = |bytes: [u8; 4]| u32::from_le_bytes(bytes) as usize;
    Some((size(*length), size(*raw), u64::from_le_bytes(*checksum)))
}

/// Fills a buffer. Returns whether there was enough.
fn fill(file: &mut impl io::Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}
