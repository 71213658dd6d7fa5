//! Patterns that are one set of ASCII characters, as many of them as there are: `[0-9]+`, `\s+`. Their matches are runs of bytes,
//! which takes no automaton to find.

use std::ops::Range;

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::translate;

/// Runs of some bytes, of at least so many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    bytes: Box<[bool; 256]>,
    least: usize,
}

/// The bytes of a set, if all of its characters are ASCII.
pub(crate) fn ascii_bytes(set: &Hir) -> Option<Box<[bool; 256]>> {
    let HirKind::Class(Class::Unicode(class)) = set.kind() else {
        return None;
    };
    if !class.is_ascii() {
        return None;
    }
    let mut bytes = Box::new([false; 256]);
    for range in class.ranges() {
        for character in range.start()..=range.end() {
            bytes[character as usize] = true;
        }
    }
    Some(bytes)
}

impl Run {
    /// The run that a pattern of Go's syntax looks for, if it looks for one.
    pub(crate) fn of(pattern: &str) -> Option<Self> {
        let pattern = regex_syntax::parse(&translate(pattern)).ok()?;
        let mut part = &pattern;
        while let HirKind::Capture(capture) = part.kind() {
            part = &capture.sub;
        }
        let HirKind::Repetition(repetition) = part.kind() else {
            return None;
        };
        let is_whole = repetition.greedy && repetition.max.is_none() && repetition.min > 0;
        Some(Run {
            bytes: ascii_bytes(&repetition.sub).filter(|_| is_whole)?,
            least: repetition.min as usize,
        })
    }

    #[inline]
    fn has(&self, byte: u8) -> bool {
        self.bytes[usize::from(byte)]
    }

    /// The first run from a place on.
    pub(crate) fn next(&self, text: &[u8], from: usize) -> Option<Range<usize>> {
        let mut at = from;
        loop {
            let start = at + self.skip(text.get(at..)?)?;
            let run = text[start..].iter().take_while(|byte| self.has(**byte));
            at = start + run.count();
            if at - start >= self.least {
                return Some(start..at);
            }
        }
    }

    /// How many bytes stand before the first of the set.
    fn skip(&self, text: &[u8]) -> Option<usize> {
        // Eight at a time: in a sandbox each turn of a loop looks at the clock.
        let (words, _) = text.as_chunks::<8>();
        let is_met = |word: &[u8; 8]| word.iter().fold(false, |met, byte| met | self.has(*byte));
        let at = words.iter().position(is_met).unwrap_or(words.len()) * 8;
        let rest = text[at..].iter().position(|byte| self.has(*byte))?;
        Some(at + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile;

    #[test]
    fn runs_are_what_the_regex_crate_finds() {
        let texts = [
            "",
            "7",
            "no digits at all, in a longer text",
            "SELECT id FROM t5 WHERE id = 1234 AND x = 98765432101234567890",
            "é1é22é333é4444é",
            "12345678abcdefgh12345678",
            "a b  c   d\t\r\n e",
        ];
        for pattern in ["[0-9]+", r"\d{3,}", r"\s+", "[a-z]{2,}", "([0-9a-f]+)"] {
            let (run, regex) = (Run::of(pattern).unwrap(), compile(pattern).unwrap());
            for text in texts {
                let mut found = Vec::new();
                let mut at = 0;
                while let Some(next) = run.next(text.as_bytes(), at) {
                    at = next.end;
                    found.push(next);
                }
                let wanted: Vec<_> = regex.find_iter(text).map(|found| found.range()).collect();
                assert_eq!(found, wanted, "{pattern} in {text}");
            }
        }
    }

    #[test]
    fn what_is_no_run_is_not_taken_for_one() {
        for pattern in [
            "[0-9]*",
            "[0-9]+?",
            "[0-9]{2,3}",
            "[0-9]",
            "([0-9]+)b",
            "([0-9])+",
            "[0-9]+a",
            "^[0-9]+",
            "[é0-9]+",
            "[^0-9]+",
            r"\pL+",
            "(?i)[k]+",
            "",
            "(",
        ] {
            assert_eq!(Run::of(pattern), None, "{pattern}");
        }
    }
}
