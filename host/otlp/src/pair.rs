//! Attributes in the shape that every SDK gives them: key, value, nothing else, lengths of one byte.
//! Nearly all are, so the hot paths try this shape first and leave others to the general reader.
//! And short texts, compared and checked eight bytes at a time without a call.

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

/// Whether two texts are equal.
#[inline]
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    if a.len() > 64 {
        return a == b;
    }
    let (Some(a_last), Some(b_last)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return a.iter().zip(b).all(|(a, b)| a == b);
    };
    // The last word overlaps the one before.
    let mut differ = u64::from_ne_bytes(*a_last) ^ u64::from_ne_bytes(*b_last);
    for (a, b) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        differ |= u64::from_ne_bytes(*a) ^ u64::from_ne_bytes(*b);
    }
    differ == 0
}

/// Whether a text is ASCII.
#[inline]
pub(crate) fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().fold(0, |all, byte| all | byte) < 0x80;
    };
    let mut all = u64::from_ne_bytes(*last);
    for word in bytes.as_chunks::<8>().0 {
        all |= u64::from_ne_bytes(*word);
    }
    all & HIGH == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparison_and_check_see_every_byte() {
        for length in 0..100 {
            let text = vec![b'a'; length];
            assert!(same(&text, &text.clone()) && is_ascii(&text));
            for at in 0..length {
                let mut other = text.clone();
                other[at] = 0x80;
                assert!(!same(&text, &other) && !is_ascii(&other), "{length} {at}");
            }
            assert!(!same(&text, &[&text[..], b"a"].concat()));
        }
    }

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
