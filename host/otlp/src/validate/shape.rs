//! Fields of a fixed shape.

/// Steps over a field of `length` bytes that begins with `head`, if it comes next.
#[inline]
pub(super) fn skip<const HEAD: usize>(rest: &mut &[u8], head: [u8; HEAD], length: usize) {
    if rest.first_chunk::<HEAD>() == Some(&head)
        && let Some(after) = rest.get(length..)
    {
        *rest = after;
    }
}
