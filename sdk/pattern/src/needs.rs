//! What every text has that a pattern matches: a cheap question to ask before the pattern is tried.

use memchr::{memchr, memmem};
use regex_syntax::hir::{Hir, HirKind};

use crate::anchor::Anchor;
use crate::rank::rank;
use crate::translate;

/// More bytes that every match has are not asked for.
const MOST_BYTES: usize = 3;

/// What a match needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Needs {
    length: usize,
    /// The rarest first.
    bytes: Vec<u8>,
    /// Tells more than single bytes do.
    literal: Option<memmem::Finder<'static>>,
    /// Tells more than the byte alone.
    pub(crate) anchor: Option<Anchor>,
}

impl Needs {
    /// What a pattern of Go's syntax needs; nothing if it is none.
    pub(crate) fn of(pattern: &str) -> Self {
        let Ok(hir) = regex_syntax::parse(&translate(pattern)) else {
            return Needs::default();
        };
        let mut literals = Vec::new();
        required(&hir, &mut literals);
        let longest = literals.iter().max_by_key(|literal| literal.len());
        let mut bytes: Vec<u8> = literals.iter().flatten().copied().collect();
        bytes.sort_by_key(|&byte| rank(byte));
        let mut seen = Vec::new();
        bytes.retain(|byte| {
            !seen.contains(byte) && {
                seen.push(*byte);
                seen.len() <= MOST_BYTES
            }
        });
        Needs {
            length: hir.properties().minimum_len().unwrap_or(0),
            bytes,
            literal: longest
                .filter(|literal| literal.len() > 1)
                .map(|literal| memmem::Finder::new(literal).into_owned()),
            anchor: Anchor::of(&hir),
        }
    }

    /// Where in some texts, end to end, something stands that a match needs; nothing if it needs nothing.
    #[inline]
    pub(crate) fn next(&self, texts: &[u8]) -> Option<Option<usize>> {
        match (&self.literal, &self.anchor, self.bytes.first()) {
            // One byte is found faster than several, if it is rare.
            (_, Some(anchor), _) if anchor.is_rare() => Some(anchor.next(texts, 0)),
            (Some(literal), ..) => Some(literal.find(texts)),
            (None, Some(anchor), _) => Some(anchor.next(texts, 0)),
            (None, None, Some(&byte)) => Some(memchr(byte, texts)),
            (None, None, None) => None,
        }
    }

    /// Whether the pattern may match a text. False: it does not.
    #[inline]
    pub(crate) fn met(&self, text: &[u8]) -> bool {
        text.len() >= self.length && self.bytes.iter().all(|&byte| memchr(byte, text).is_some())
    }
}

/// The literals that stand in every match.
fn required(hir: &Hir, literals: &mut Vec<Vec<u8>>) {
    match hir.kind() {
        HirKind::Literal(literal) => literals.push(literal.0.to_vec()),
        HirKind::Capture(capture) => required(&capture.sub, literals),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            required(&repetition.sub, literals);
        }
        HirKind::Concat(parts) => parts.iter().for_each(|part| required(part, literals)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_are_those_of_every_match() {
        for (pattern, bytes, length, literal) in [
            ("[a-z]+@[a-z]+", "@", 3, None),
            (r"[a-z]+@[a-z]+\.[a-z]{2}", "@.", 6, None),
            ("4[0-9]{3} [0-9]{4}", " 4", 9, None),
            ("4[0-9]{12}(?:[0-9]{3})?", "4", 13, None),
            (r"\b\d{3}-\d{2}\b", "-", 6, None),
            ("(?i)secret", "", 6, None),
            ("a|@", "", 1, None),
            ("@*x?", "", 0, None),
            ("(ab)+", "ab", 2, Some("ab")),
            ("eyJ[a-z]+", "Jey", 4, Some("eyJ")),
            ("secret", "sec", 6, Some("secret")),
            ("(", "", 0, None),
        ] {
            let needs = Needs::of(pattern);
            assert_eq!(
                (needs.bytes.as_slice(), needs.length),
                (bytes.as_bytes(), length),
                "{pattern}"
            );
            let found = needs.literal.as_ref().map(|finder| finder.needle());
            assert_eq!(found, literal.map(str::as_bytes), "{pattern}");
        }
    }
}
