//! Ids: of traces and spans, unique ones, and those of a row.

use crate::coerce::Kind::{BytesLike, LiteralText};
use crate::datum::{Datum, Failure};
use crate::function::Make::{Plain, Prepared, Special};
use crate::function::Special::{HasPointAttribute, IsRootSpan, Uuid, UuidV7};
use crate::function::{Signature, converter, predicate, takes};

pub(super) static FUNCTIONS: &[Signature] = &[
    converter(
        "TraceID",
        &[takes("target", BytesLike)],
        Plain(|input| {
            match words::<16>(input.value(0), "TraceID takes 16 bytes or 32 hex digits")? {
                [high, low] => Ok(Datum::TraceId([high, low])),
            }
        }),
    ),
    converter(
        "SpanID",
        &[takes("target", BytesLike)],
        Plain(|input| {
            let [id, _] = words::<8>(input.value(0), "SpanID takes 8 bytes or 16 hex digits")?;
            Ok(Datum::SpanId(id))
        }),
    ),
    converter(
        "ProfileID",
        &[takes("target", BytesLike)],
        Prepared(|_| Err("profiles are not supported".to_owned())),
    ),
    converter("UUID", &[], Special(Uuid)),
    converter("UUIDv7", &[], Special(UuidV7)),
    predicate("IsRootSpan", &[], Special(IsRootSpan)),
    predicate(
        "HasAttrKeyOnDatapoint",
        &[takes("key", LiteralText)],
        Special(HasPointAttribute),
    ),
    predicate(
        "HasAttrOnDatapoint",
        &[takes("key", LiteralText), takes("expectedVal", LiteralText)],
        Special(HasPointAttribute),
    ),
];

/// An id of so many bytes, or of twice as many hex digits, as big-endian words.
fn words<const BYTES: usize>(datum: &Datum<'_>, wrong: Failure) -> Result<[u64; 2], Failure> {
    let Datum::Bytes(given) = datum else {
        return Err(wrong);
    };
    let mut id = [0; BYTES];
    if given.len() == BYTES {
        id.copy_from_slice(given);
    } else if given.len() == 2 * BYTES {
        for (byte, pair) in id.iter_mut().zip(given.chunks(2)) {
            let digits = std::str::from_utf8(pair).map_err(|_| wrong)?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(wrong);
            }
            *byte = u8::from_str_radix(digits, 16).map_err(|_| wrong)?;
        }
    } else {
        return Err(wrong);
    }
    let mut words = id.chunks(8).map(|word| {
        word.iter()
            .fold(0, |word, &byte| word << 8 | u64::from(byte))
    });
    Ok([words.next().unwrap_or(0), words.next().unwrap_or(0)])
}
