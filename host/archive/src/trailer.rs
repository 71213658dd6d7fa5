//! The last bytes of a program that has an archive: `magic | index length | archive length | hash of the index`.

use crate::error::ArchiveError;

/// What the trailer begins with; the digit is the format's version.
const MAGIC: &[u8; 16] = b"spanmill/files\n1";
/// Bytes of the whole trailer.
pub(crate) const LENGTH: usize = 16 + 8 + 8 + blake3::OUT_LEN;

/// What the trailer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    /// Bytes of the index.
    pub(crate) index: u64,
    /// Bytes of files, index and trailer.
    pub(crate) archive: u64,
    /// The index's hash.
    pub(crate) hash: [u8; blake3::OUT_LEN],
}

impl Trailer {
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(LENGTH);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.index.to_le_bytes());
        bytes.extend_from_slice(&self.archive.to_le_bytes());
        bytes.extend_from_slice(&self.hash);
        bytes
    }

    /// Reads the last bytes of a program of `program` bytes; `None` if it has no archive.
    ///
    /// # Errors
    ///
    /// The lengths contradict each other.
    pub(crate) fn from_bytes(bytes: &[u8], program: u64) -> Result<Option<Self>, ArchiveError> {
        let Some(rest) = bytes.strip_prefix(MAGIC.as_slice()) else {
            return Ok(None);
        };
        let short = || ArchiveError::damaged("its last bytes are missing");
        let (index, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let (archive, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let hash = rest.first_chunk().ok_or_else(short)?;
        let trailer = Trailer {
            index: u64::from_le_bytes(*index),
            archive: u64::from_le_bytes(*archive),
            hash: *hash,
        };
        let least = trailer.index.checked_add(LENGTH as u64);
        let fits =
            least.is_some_and(|least| least <= trailer.archive) && trailer.archive <= program;
        match fits {
            true => Ok(Some(trailer)),
            false => Err(ArchiveError::damaged("its lengths contradict each other")),
        }
    }
}
