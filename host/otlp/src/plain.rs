//! Checks what nearly every SDK sends without looking at each byte where it stands: the shape is walked,
//! and texts are checked together, by counting the bytes that are not ASCII.

use crate::pair;

const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes of a span's beginning are surely well-formed and whole fields.
#[inline]
pub(crate) fn span_head(bytes: &[u8]) -> usize {
    let mut rest = bytes;
    // Ids of the usual lengths, which are any bytes.
    skip(&mut rest, [0x0a, 16], 18);
    skip(&mut rest, [0x12, 8], 10);
    skip(&mut rest, [0x22, 8], 10);
    if let Some((&[0x2a, len @ 0..0x80], after)) = rest.split_first_chunk::<2>()
        && let Some((name, after)) = after.split_at_checked(usize::from(len))
        && pair::is_ascii(name)
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

#[inline]
fn skip(rest: &mut &[u8], head: [u8; 2], length: usize) {
    if rest.first_chunk::<2>() == Some(&head)
        && let Some(after) = rest.get(length..)
    {
        *rest = after;
    }
}

/// How many bytes of attributes are surely well-formed: plain ones that stand one after the other. Nothing
/// if a text among them is not ASCII.
#[inline]
pub(crate) fn attributes(bytes: &[u8], tag: u8) -> usize {
    let mut rest = bytes;
    // Bytes from 0x80 on that belong to numbers.
    let mut expected = 0;
    while let Some((_, any, after)) = pair::field(rest, tag) {
        match any {
            [0x0a, len, text @ ..] if text.len() == usize::from(*len) => {}
            [0x10 | 0x18, number @ ..] if is_varint(number) => expected += number.len() - 1,
            [0x21, double @ ..] if let Ok(double) = <[u8; 8]>::try_from(double) => {
                expected += (u64::from_ne_bytes(double) & HIGH).count_ones() as usize;
            }
            _ => break,
        }
        rest = after;
    }
    let length = bytes.len() - rest.len();
    let walked = bytes.get(..length).unwrap_or(&[]);
    if high_bytes(walked) == expected {
        length
    } else {
        0
    }
}

/// Whether bytes are a single varint; a few long ones are not recognised.
#[inline]
fn is_varint(bytes: &[u8]) -> bool {
    match bytes {
        [0..0x80] | [0x80..=0xff, 0..0x80] => true,
        [more @ .., 0..0x80] => more.len() < 9 && more.iter().all(|&byte| byte >= 0x80),
        _ => false,
    }
}

/// How many bytes are not ASCII.
#[inline]
fn high_bytes(bytes: &[u8]) -> usize {
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

    #[test]
    fn only_plain_attributes_are_stepped_over() {
        let plain = [
            &b"\x4a\x08\x0a\x01k\x12\x03\x0a\x01v"[..],
            b"\x4a\x08\x0a\x01k\x12\x03\x18\xc8\x01",
            b"\x4a\x07\x0a\x01k\x12\x02\x10\x01",
            b"\x4a\x0e\x0a\x01k\x12\x09\x21\xff\xff\x00\x00\x00\x00\x00\x80",
        ]
        .concat();
        assert_eq!(attributes(&plain, 0x4a), plain.len());
        assert_eq!(attributes(&plain, 0x0a), 0);
        for other in [
            &b""[..],
            b"\x4a",
            b"\x4a\x08\x0a\x01k\x12\x03\x0a\x02v",
            b"\x4a\x08\x0a\x01k\x12\x03\x18\x01\x01",
            b"\x4a\x07\x0a\x01k\x12\x02\x18\x80",
            b"\x4a\x06\x0a\x01k\x12\x01\x18",
        ] {
            let both = [&plain, other].concat();
            assert_eq!(attributes(&both, 0x4a), plain.len(), "{other:?}");
        }
        // One byte too few in a number does not make up for one too many in a text.
        let text = b"\x4a\x08\x0a\x01k\x12\x03\x0a\x01\xff";
        assert_eq!(attributes(&[&plain[..], text].concat(), 0x4a), 0);
    }
}
