//! Numbers, and where they go in a column.

/// The two's complement of an `sint32`.
pub(super) fn zigzag(value: u64) -> u64 {
    let value = value as u32;
    let value = (value >> 1) as i32 ^ -((value & 1) as i32);
    i64::from(value) as u64
}

#[inline]
pub(super) fn put<T>(values: &mut [T], row: usize, value: T) {
    if let Some(place) = values.get_mut(row) {
        *place = value;
    }
}
