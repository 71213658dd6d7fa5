//! The fields that nearly every log record begins and ends with, checked together. The body is not among them: that it stands
//! there once is seen to elsewhere.

use super::shape::skip;
use crate::ascii::is_ascii;

/// How many of a log record's first bytes are surely whole and well-formed fields.
#[inline]
pub(super) fn head(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    skip(&mut rest, [0x09], 9);
    if let Some((&[0x10, 0..0x80], after)) = rest.split_first_chunk::<2>() {
        rest = after;
    }
    if let Some((&[0x1a, len @ 0..0x80], after)) = rest.split_first_chunk::<2>()
        && let Some((text, after)) = after.split_at_checked(usize::from(len))
        && is_ascii(text)
    {
        rest = after;
    }
    bytes.len() - rest.len()
}

/// How many bytes of the rest of a log record, behind its attributes, are surely well-formed flags, ids and times.
#[inline]
pub(super) fn tail(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    skip(&mut rest, [0x45], 5);
    skip(&mut rest, [0x4a, 16], 18);
    skip(&mut rest, [0x52, 8], 10);
    skip(&mut rest, [0x59], 9);
    bytes.len() - rest.len()
}
