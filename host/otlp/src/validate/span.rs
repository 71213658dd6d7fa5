//! The fields that nearly every span begins and ends with, checked together.

use super::shape::skip;
use crate::ascii::is_ascii;

/// How many of a span's first bytes are surely whole and well-formed fields.
#[inline]
pub(super) fn head(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    // Ids of the usual lengths, which are any bytes.
    skip(&mut rest, [0x0a, 16], 18);
    skip(&mut rest, [0x12, 8], 10);
    skip(&mut rest, [0x22, 8], 10);
    if let Some((&[0x2a, len @ 0..0x80], after)) = rest.split_first_chunk::<2>()
        && let Some((name, after)) = after.split_at_checked(usize::from(len))
        && is_ascii(name)
    {
        rest = after;
    }
    if let Some((&[0x30, 0..0x80], after)) = rest.split_first_chunk::<2>() {
        rest = after;
    }
    // Start and end, eight bytes each.
    if let Some((head, after)) = rest.split_first_chunk::<18>()
        && let [0x39, _, _, _, _, _, _, _, _, 0x41, ..] = head
    {
        rest = after;
    }
    bytes.len() - rest.len()
}

/// How many bytes of the rest of a span, behind its attributes, are surely a well-formed status code and flags.
#[inline]
pub(super) fn tail(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    // A status without a message: nothing in it, or a code.
    skip(&mut rest, [0x7a, 0], 2);
    if let Some((&[0x7a, 2, 0x18, 0..0x80], after)) = rest.split_first_chunk::<4>() {
        rest = after;
    }
    skip(&mut rest, [0x85, 1], 6);
    bytes.len() - rest.len()
}
