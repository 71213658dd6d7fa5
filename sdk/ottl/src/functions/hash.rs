//! Hashes of strings.

use digest::Digest;

use super::murmur::{murmur3_32, murmur3_128};
use crate::coerce::Kind::Text;
use crate::datum::{Datum, hex};
use crate::function::Make::Plain;
use crate::function::{Signature, converter, takes};

/// A hash of the one string that a function takes.
macro_rules! hashing {
    ($name:literal, $hash:expr) => {
        converter(
            $name,
            &[takes("target", Text)],
            Plain(|input| {
                let hash: fn(&[u8]) -> Datum<'static> = $hash;
                Ok(hash(input.text(0)?.as_bytes()))
            }),
        )
    };
}

pub(super) static FUNCTIONS: &[Signature] = &[
    hashing!("FNV", |bytes| Datum::Int(fnv1a(bytes) as i64)),
    hashing!("MD5", |bytes| digits(&md5::Md5::digest(bytes))),
    hashing!("Murmur3Hash", |bytes| digits(
        &murmur3_32(bytes).to_le_bytes()
    )),
    hashing!("Murmur3Hash128", |bytes| {
        let (first, second) = murmur3_128(bytes);
        digits([first.to_le_bytes(), second.to_le_bytes()].as_flattened())
    }),
    hashing!("SHA1", |bytes| digits(&sha1::Sha1::digest(bytes))),
    hashing!("SHA256", |bytes| digits(&sha2::Sha256::digest(bytes))),
    hashing!("SHA512", |bytes| digits(&sha2::Sha512::digest(bytes))),
    hashing!("XXH128", |bytes| digits(
        &xxhash_rust::xxh3::xxh3_128(bytes).to_be_bytes()
    )),
    hashing!("XXH3", |bytes| digits(
        &xxhash_rust::xxh3::xxh3_64(bytes).to_be_bytes()
    )),
];

fn digits(bytes: &[u8]) -> Datum<'static> {
    Datum::text(hex(bytes))
}

/// FNV-1a with 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
