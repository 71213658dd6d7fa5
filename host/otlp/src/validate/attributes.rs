//! Checks attributes of the shape that nearly every SDK gives them, many at a time: the shape is walked, and
//! their texts are checked together, by counting the bytes that are not ASCII.

use crate::ascii::{HIGH, high_bytes};
use crate::place::Place;
use crate::wire::{Flaw, Reader};

/// Checks the plain attributes that come next, and adds their places.
#[inline]
pub(crate) fn check(reader: &mut Reader<'_>, tag: u8, places: &mut Vec<Place>) -> Result<(), Flaw> {
    let (before, start) = (places.len(), reader.pos());
    let mut end = start;
    let high = walk(reader.bytes(), &mut end, tag, places);
    reader.advance(end - start);
    let walked = reader.bytes().get(start..end).unwrap_or(&[]);
    let places = places.get(before..).unwrap_or(&[]);
    match are_utf8(reader.bytes(), walked, high, places) {
        true => Ok(()),
        false => Err(Flaw::Utf8),
    }
}

/// Adds the places of the plain attributes that come next and were checked before.
pub(crate) fn find(reader: &mut Reader<'_>, tag: u8, places: &mut Vec<Place>) {
    let start = reader.pos();
    let mut end = start;
    walk(reader.bytes(), &mut end, tag, places);
    reader.advance(end - start);
}

/// Finds the plain attributes that stand one after the other from `start` on, and steps over them. Checks
/// everything about them but that their texts are UTF-8; returns how many bytes beyond ASCII stand outside of texts.
#[inline(never)]
fn walk(bytes: &[u8], start: &mut usize, tag: u8, places: &mut Vec<Place>) -> usize {
    let mut rest = bytes.get(*start..).unwrap_or(&[]);
    let mut high = 0;
    while let Some((&[first, length, 0x0a, key_length], behind)) = rest.split_first_chunk::<4>() {
        let key = usize::from(key_length);
        let Some(&[0x12, value_length, kind, low]) = behind.get(key..key + 4) else {
            break;
        };
        // That the lengths add up also says that each is a byte.
        let adds_up = key + usize::from(value_length) + 4 == usize::from(length);
        if first != tag || length >= 0x80 || !adds_up {
            break;
        }
        let Some(after) = rest.get(2 + usize::from(length)..) else {
            break;
        };
        match (kind, value_length) {
            (0x0a, _) if low.wrapping_add(2) == value_length => {}
            (0x10 | 0x18, 2) if low < 0x80 => {}
            (0x10 | 0x18, 3..=9) => {
                // Up to eight bytes of number, whatever comes behind them.
                let number = behind.get(key + 3..key + 11).unwrap_or(&[]);
                let is_number = match number.first_chunk::<8>() {
                    Some(number) => is_varint(u64::from_le_bytes(*number), value_length - 1),
                    None => is_last_varint(behind, key + 3, value_length - 1),
                };
                if !is_number {
                    break;
                }
                high += usize::from(value_length) - 2;
            }
            (0x21, 9) => {
                let double = behind.get(key + 3..key + 11).unwrap_or(&[]);
                high += double.iter().filter(|&&byte| byte >= 0x80).count();
            }
            _ => break,
        }
        places.push(Place {
            start: (bytes.len() - rest.len()) as u32,
            key_length,
            value_length,
            value: [kind, low],
        });
        rest = after;
    }
    *start = bytes.len() - rest.len();
    high
}

/// Like [`is_varint`], where fewer than eight bytes are left of a message.
#[cold]
#[inline(never)]
fn is_last_varint(bytes: &[u8], start: usize, length: u8) -> bool {
    let number = bytes.get(start..).unwrap_or(&[]).iter().rev();
    let number = number.fold(0, |all, byte| all << 8 | u64::from(*byte));
    is_varint(number, length)
}

/// Whether the texts of plain attributes are UTF-8. `walked` holds the attributes; `high` is what [`walk`] returned.
#[inline]
fn are_utf8(bytes: &[u8], walked: &[u8], high: usize, places: &[Place]) -> bool {
    // Nearly all are ASCII, which is seen without looking at each.
    high_bytes(walked) == high || places.iter().all(|place| is_utf8(bytes, place))
}

#[cold]
fn is_utf8(bytes: &[u8], place: &Place) -> bool {
    let text = |start: usize, length: u8| {
        let text = bytes.get(start..start + usize::from(length));
        text.is_some_and(|text| std::str::from_utf8(text).is_ok())
    };
    let value = place.text_length();
    text(place.start as usize + 4, place.key_length)
        && value.is_none_or(|length| text(place.value_start() + 2, length))
}

/// Whether the first `length` bytes, two to eight, are one varint: each but the last says that more follow.
#[inline(always)]
fn is_varint(bytes: u64, length: u8) -> bool {
    let all = u64::MAX >> (64 - 8 * u32::from(length.clamp(1, 8)));
    bytes & HIGH & all == HIGH & (all >> 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_told_from_what_is_none() {
        for length in 2..=8u8 {
            let mut bytes = [0x80u8; 8];
            bytes[usize::from(length) - 1] = 1;
            bytes[usize::from(length)..].fill(0xff);
            assert!(is_varint(u64::from_le_bytes(bytes), length));
            for at in 0..usize::from(length) {
                let mut other = bytes;
                other[at] ^= 0x80;
                assert!(
                    !is_varint(u64::from_le_bytes(other), length),
                    "{length} {at}"
                );
            }
        }
    }

    fn walked(bytes: &[u8], tag: u8) -> (usize, Vec<Place>, bool) {
        let (mut end, mut places) = (0, Vec::new());
        let high = walk(bytes, &mut end, tag, &mut places);
        let are_utf8 = are_utf8(bytes, &bytes[..end], high, &places);
        (end, places, are_utf8)
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
        let (end, places, are_utf8) = walked(&plain, 0x4a);
        assert!(are_utf8 && end == plain.len());
        let starts: Vec<u32> = places.iter().map(|place| place.start).collect();
        assert_eq!(starts, [0, 10, 20, 29]);
        assert_eq!(places[0].text_length(), Some(1));
        assert_eq!(plain[places[1].value_start()..][..3], *b"\x18\xc8\x01");
        assert_eq!(walked(&plain, 0x0a).0, 0);
        for other in [
            &b""[..],
            b"\x4a",
            b"\x4a\x08\x0a\x01k\x12\x03\x0a\x02v",
            b"\x4a\x08\x0a\x01k\x12\x03\x18\x01\x01",
            b"\x4a\x07\x0a\x01k\x12\x02\x18\x80",
            b"\x4a\x06\x0a\x01k\x12\x01\x18",
            b"\x4a\x08\x0a\x01k\x12\x03\x0a\x01",
            b"\x4a\x08\x0a\x81k\x12\x03\x0a\x01v",
        ] {
            let both = [&plain, other].concat();
            assert_eq!(walked(&both, 0x4a).0, plain.len(), "{other:?}");
        }
    }

    #[test]
    fn numbers_at_the_end_are_plain_as_well() {
        for number in [
            &b"\xc8\x01"[..],
            b"\x80\x80\x01",
            b"\xff\xff\xff\xff\xff\xff\x7f",
        ] {
            let length = number.len() as u8 + 1;
            let head = [0x4a, 5 + length, 0x0a, 1, b'k', 0x12, length, 0x18];
            let attribute = [&head[..], number].concat();
            let (end, places, are_utf8) = walked(&attribute, 0x4a);
            assert!(are_utf8 && end == attribute.len() && places.len() == 1);
            // One byte short, and one that says that another follows.
            assert_eq!(walked(&attribute[..end - 1], 0x4a).0, 0);
            let mut open = attribute.clone();
            open[end - 1] |= 0x80;
            assert_eq!(walked(&open, 0x4a).0, 0);
        }
    }

    #[test]
    fn texts_are_checked_whatever_numbers_stand_beside_them() {
        // One byte too few in a number does not make up for one too many in a text.
        for (text, valid) in [
            (&b"\x4a\x08\x0a\x01k\x12\x03\x0a\x01\xff"[..], false),
            (b"\x4a\x08\x0a\x01\xc3\x12\x03\x0a\x01v", false),
            (b"\x4a\x0a\x0a\x01k\x12\x05\x0a\x03\xe2\x82\xac", true),
        ] {
            for number in [
                &b"\x4a\x08\x0a\x01k\x12\x03\x18\xc8\x01"[..],
                b"\x4a\x07\x0a\x01k\x12\x02\x18\x01",
                b"\x4a\x0e\x0a\x01k\x12\x09\x21\xff\xff\x00\x00\x00\x00\x00\x80",
            ] {
                let both = [number, text].concat();
                let (end, _, are_utf8) = walked(&both, 0x4a);
                assert_eq!((end, are_utf8), (both.len(), valid), "{both:?}");
            }
        }
    }
}
