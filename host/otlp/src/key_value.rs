//! Attributes in the shape that every SDK gives them: key, value, nothing else, lengths of one byte.
//! Nearly all are, so the hot paths try this shape first and leave others to the general reader.

/// The parts of a `KeyValue` of that shape: the key, and its `AnyValue`.
#[inline]
pub(crate) fn split(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[0x0a, key_len @ 0..0x80], rest) = body.split_first_chunk::<2>()? else {
        return None;
    };
    let (key, rest) = rest.split_at_checked(usize::from(key_len))?;
    let (&[0x12, len @ 0..0x80], any) = rest.split_first_chunk::<2>()? else {
        return None;
    };
    (any.len() == usize::from(len)).then_some((key, any))
}

/// The text of an `AnyValue` that holds one and nothing else.
#[inline]
pub(crate) fn text(any: &[u8]) -> Option<&[u8]> {
    match any.split_first_chunk::<2>()? {
        (&[0x0a, len @ 0..0x80], text) if text.len() == usize::from(len) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_plain_shape_is_split() {
        let plain = b"\x0a\x01k\x12\x03\x0a\x01v";
        assert_eq!(split(plain), Some((&b"k"[..], &b"\x0a\x01v"[..])));
        assert_eq!(text(b"\x0a\x01v"), Some(&b"v"[..]));
        for other in [
            &b""[..],
            b"\x0a\x01k",
            b"\x0a\x01k\x12\x03\x0a\x01",
            b"\x0a\x01k\x12\x03\x0a\x01v\x18\x00",
            b"\x12\x03\x0a\x01v\x0a\x01k",
            b"\x0a\x81\x00k\x12\x00",
        ] {
            assert_eq!(split(other), None, "{other:?}");
        }
        assert_eq!(text(b"\x0a\x02v"), None);
        assert_eq!(text(b"\x0a\x01v\x18\x01"), None);
    }
}
