//! Protobuf's encoding, written.

use super::DELIMITED;

/// How many bytes a varint takes.
#[inline]
pub(crate) const fn varint_len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Appends a varint.
#[inline]
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a field's tag.
#[inline]
pub(crate) fn put_tag(out: &mut Vec<u8>, number: u32, wire: u8) {
    put_varint(out, u64::from(number) << 3 | u64::from(wire));
}

/// Appends a length-delimited field.
#[inline]
pub(crate) fn put_delimited(out: &mut Vec<u8>, number: u32, payload: &[u8]) {
    put_tag(out, number, DELIMITED);
    put_varint(out, payload.len() as u64);
    out.extend_from_slice(payload);
}
