//! Texts checked and compared eight bytes at a time, without a call.

/// The bit that no ASCII byte has, in each byte of a word.
pub(crate) const HIGH: u64 = 0x8080_8080_8080_8080;

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
    let Some(last) = bytes.last_chunk::<8>() else {
        return bytes.iter().fold(0, |all, byte| all | byte) < 0x80;
    };
    let mut all = u64::from_ne_bytes(*last);
    for word in bytes.as_chunks::<8>().0 {
        all |= u64::from_ne_bytes(*word);
    }
    all & HIGH == 0
}

/// How many bytes are not ASCII.
#[inline]
pub(crate) fn high_bytes(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut total = 0;
    // A lane of a sum is a byte, so that no more than 255 words may be added.
    for words in words.chunks(255) {
        let sum = words.iter().fold(0u64, |sum, word| {
            sum + ((u64::from_ne_bytes(*word) & HIGH) >> 7)
        });
        total += sum
            .to_ne_bytes()
            .iter()
            .map(|&lane| usize::from(lane))
            .sum::<usize>();
    }
    total + rest.iter().filter(|&&byte| byte >= 0x80).count()
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
    fn bytes_beyond_ascii_are_counted() {
        for length in [0, 1, 7, 8, 9, 31, 300, 2040, 2041, 5000] {
            for every in 1..20 {
                let bytes: Vec<u8> = (0..length)
                    .map(|at| if at % every == 0 { 0x80 } else { 0x7f })
                    .collect();
                let expected = bytes.iter().filter(|&&byte| byte >= 0x80).count();
                assert_eq!(high_bytes(&bytes), expected, "{length} {every}");
            }
        }
    }
}
