//! What is signed.

use crate::digest::Digest;

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Subject<'a> {
    /// The artifact whose manifest has this digest.
    Manifest(&'a Digest),
    /// The file with these bytes.
    File(&'a [u8]),
}
