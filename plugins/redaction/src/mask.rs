//! What stands where a value was: stars, or a hash of what was there.

use std::borrow::Cow;

use hmac::{Hmac, Mac};
use sha2::Digest;
use spanmill_pattern::Finder;

/// How a match is masked.
pub(crate) enum Mask {
    Stars,
    Md5,
    Sha1,
    Sha3,
    HmacSha256(Box<Hmac<sha2::Sha256>>),
    HmacSha512(Box<Hmac<sha2::Sha512>>),
}

fn hex(digest: impl AsRef<[u8]>) -> String {
    let digit = |nibble: u8| char::from(b"0123456789abcdef"[usize::from(nibble & 15)]);
    let bytes = digest.as_ref().iter();
    bytes
        .flat_map(|&byte| [digit(byte >> 4), digit(byte)])
        .collect()
}

impl Mask {
    /// The mask of a `hash_function`; an error says where and what.
    pub(crate) fn new(function: &str, key: &str) -> Result<Mask, (&'static str, String)> {
        let function = function.to_lowercase();
        let short = |least: usize| {
            let message = match key.len() {
                0 => format!("must not be empty when hash_function is {function}"),
                length => {
                    format!("must be at least {least} bytes long for {function}; it has {length}")
                }
            };
            ("/hmac_key", message)
        };
        let unusable = |_| ("/hmac_key", "cannot be used as a key".to_owned());
        Ok(match function.as_str() {
            "" => Mask::Stars,
            "md5" => Mask::Md5,
            "sha1" => Mask::Sha1,
            "sha3" => Mask::Sha3,
            "hmac-sha256" if key.len() < 32 => return Err(short(32)),
            "hmac-sha256" => Mask::HmacSha256(Box::new(
                Mac::new_from_slice(key.as_bytes()).map_err(unusable)?,
            )),
            "hmac-sha512" if key.len() < 64 => return Err(short(64)),
            "hmac-sha512" => Mask::HmacSha512(Box::new(
                Mac::new_from_slice(key.as_bytes()).map_err(unusable)?,
            )),
            _ => {
                let message = "must be md5, sha1, sha3, hmac-sha256 or hmac-sha512".to_owned();
                return Err(("/hash_function", message));
            }
        })
    }

    /// What stands in the place of a text.
    fn of(&self, text: &[u8]) -> Cow<'static, str> {
        Cow::Owned(match self {
            Mask::Stars => return Cow::Borrowed("****"),
            Mask::Md5 => hex(md5::Md5::digest(text)),
            Mask::Sha1 => hex(sha1::Sha1::digest(text)),
            Mask::Sha3 => hex(sha3::Sha3_256::digest(text)),
            Mask::HmacSha256(mac) => hex(mac.clone().chain_update(text).finalize().into_bytes()),
            Mask::HmacSha512(mac) => hex(mac.clone().chain_update(text).finalize().into_bytes()),
        })
    }

    /// Masks every match of a pattern: whether there is any; if so, `out` becomes the masked text.
    pub(crate) fn matches(&self, text: &[u8], pattern: &Finder, out: &mut Vec<u8>) -> bool {
        pattern.replace_all(text, out, |found| self.of(found))
    }

    /// Masks a whole value. Line by line, as the Collector's `.*` does.
    pub(crate) fn whole(&self, text: &str) -> String {
        let lines: Vec<Cow<'_, str>> = text
            .split('\n')
            .map(|line| self.of(line.as_bytes()))
            .collect();
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_the_published_ones() {
        let of = |function: &str, key: &str| {
            Mask::new(function, key)
                .ok()
                .unwrap()
                .of(b"abc")
                .into_owned()
        };
        assert_eq!(of("", ""), "****");
        assert_eq!(of("md5", ""), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of("SHA1", ""), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            of("sha3", ""),
            "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"
        );
        // RFC 4231's sixth case has a key of 131 bytes 0xaa; a key that is text stands in for it here.
        let key = "k".repeat(64);
        assert_eq!(of("hmac-sha256", &key).len(), 64);
        assert_eq!(of("hmac-sha512", &key).len(), 128);
        assert_ne!(of("hmac-sha256", &key), of("hmac-sha256", &"j".repeat(64)));
    }

    #[test]
    fn a_whole_value_is_masked_line_by_line() {
        assert_eq!(Mask::Stars.whole(""), "****");
        assert_eq!(Mask::Stars.whole("a\nb"), "****\n****");
    }
}
