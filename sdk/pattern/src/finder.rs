//! One pattern looked for in many short texts. Where the `regex` crate decides anew how to search each text,
//! this compiles the pattern to a table once, and asks first what is cheap: what every match needs.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memmem};
use regex::Regex;
use regex_automata::Input;
use regex_automata::dfa::{Automaton, dense, regex as table};
use regex_syntax::hir::{Hir, HirKind};

use crate::{PatternError, compile, translate};

/// Tables larger than this are not worth it; the `regex` crate then does the work.
const TABLE_BYTES: usize = 1 << 20;
/// More bytes that every match has are not asked for.
const MOST_BYTES: usize = 3;

/// A pattern, ready to be looked for.
#[derive(Debug)]
pub struct Finder {
    table: Option<Box<table::Regex>>,
    regex: Regex,
    needs: Needs,
}

impl Finder {
    /// Compiles a pattern of Go's syntax.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        let dense = dense::Config::new()
            .dfa_size_limit(Some(TABLE_BYTES))
            .determinize_size_limit(Some(4 * TABLE_BYTES));
        let table = table::Builder::new()
            .dense(dense)
            .build(&translate(pattern))
            .ok()
            .map(Box::new);
        Ok(Finder {
            regex: compile(pattern)?,
            table,
            needs: Needs::of(pattern),
        })
    }

    /// Whether the pattern matches in a text.
    pub fn is_match(&self, text: &str) -> bool {
        self.needs.met(text.as_bytes()) && self.search(text.as_bytes())
    }

    fn search(&self, text: &[u8]) -> bool {
        let input = Input::new(text).earliest(true);
        match self
            .table
            .as_ref()
            .map(|table| table.forward().try_search_fwd(&input))
        {
            Some(Ok(found)) => found.is_some(),
            _ => std::str::from_utf8(text).is_ok_and(|text| self.regex.is_match(text)),
        }
    }

    /// Calls `found` with each text of a pool in which the pattern may match, in order: text `i` is
    /// `bytes[ends[i-1]..ends[i]]`. The pool is searched as a whole for what a match needs; the pattern itself is
    /// not tried, so that whoever replaces its matches tries it once.
    // A function of its own: its loops run over whole pools, and in a large function they would spill what they need.
    #[inline(never)]
    pub fn candidates(&self, ends: &[u32], bytes: &[u8], mut found: impl FnMut(usize)) {
        let (mut at, mut number) = (0, 0);
        while number < ends.len() {
            let rest = bytes.get(at..).unwrap_or(&[]);
            let hit = match (&self.needs.literal, self.needs.bytes.first()) {
                (Some(literal), _) => literal.find(rest),
                (None, Some(&byte)) => memchr(byte, rest),
                (None, None) => Some(0),
            };
            let Some(hit) = hit else { return };
            let hit = (at + hit) as u32;
            if !self.needs.bytes.is_empty() {
                number = holder(ends, number, hit);
            }
            let Some(&end) = ends.get(number) else { return };
            let start = match number {
                0 => 0,
                _ => ends[number - 1],
            };
            let text = bytes.get(start as usize..end as usize).unwrap_or(&[]);
            // What was searched for may run over the text's end, and then says nothing about it.
            if self.needs.met(text) {
                found(number);
            }
            at = end as usize;
            number += 1;
        }
    }

    /// Replaces every match by what `new` makes of it.
    pub fn replace_all<'t>(
        &self,
        text: &'t str,
        mut new: impl FnMut(&str) -> Cow<'static, str>,
    ) -> Cow<'t, str> {
        if !self.needs.met(text.as_bytes()) {
            return Cow::Borrowed(text);
        }
        let mut out = String::new();
        let mut copied = 0;
        let mut put = |found: Range<usize>| {
            // Once, and with room for what is longer than the match.
            if out.is_empty() {
                out.reserve(text.len() + 32);
            }
            out.push_str(&text[copied..found.start]);
            out.push_str(&new(&text[found.clone()]));
            copied = found.end;
        };
        let mut any = false;
        match &self.table {
            Some(table) => table.find_iter(text).for_each(|found| {
                any = true;
                put(found.range());
            }),
            None => self.regex.find_iter(text).for_each(|found| {
                any = true;
                put(found.range());
            }),
        }
        if !any {
            return Cow::Borrowed(text);
        }
        out.push_str(&text[copied..]);
        Cow::Owned(out)
    }
}

/// The text that holds a byte of the pool, from text `number` on.
#[inline]
fn holder(ends: &[u32], mut number: usize, byte: u32) -> usize {
    // Eight at a time: in a sandbox each turn of a loop looks at the clock.
    while ends.get(number + 7).is_some_and(|&end| end <= byte) {
        number += 8;
    }
    while ends.get(number).is_some_and(|&end| end <= byte) {
        number += 1;
    }
    number
}

/// What every text has that a pattern matches: a cheap question to ask before the pattern is tried.
#[derive(Debug, Clone, Default)]
struct Needs {
    length: usize,
    /// The rarest first.
    bytes: Vec<u8>,
    /// Tells more than single bytes do.
    literal: Option<memmem::Finder<'static>>,
}

impl Needs {
    /// What a pattern of Go's syntax needs; nothing if it is none.
    fn of(pattern: &str) -> Self {
        let Ok(hir) = regex_syntax::parse(&translate(pattern)) else {
            return Needs::default();
        };
        let mut literals = Vec::new();
        required(&hir, &mut literals);
        let longest = literals.iter().max_by_key(|literal| literal.len());
        // Letters, digits and what paths are made of stand in most texts, spaces in some.
        let rank = |byte: &u8| match byte {
            b'/' | b'.' => 2,
            byte if byte.is_ascii_alphanumeric() => 2,
            b' ' => 1,
            _ => 0,
        };
        let mut bytes: Vec<u8> = literals.iter().flatten().copied().collect();
        bytes.sort_by_key(rank);
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
        }
    }

    /// Whether the pattern may match a text. False: it does not.
    #[inline]
    fn met(&self, text: &[u8]) -> bool {
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

    const PATTERNS: [&str; 9] = [
        "[a-z]+@[a-z]+",
        "4[0-9]{12}(?:[0-9]{3})?",
        r"\b\d{3}-\d{2}\b",
        "(?i)secret",
        "a|@",
        "@*x?",
        "(ab)+",
        "eyJ[a-z]+",
        "é+|^$",
    ];
    const TEXTS: [&str; 12] = [
        "",
        "plain",
        "a@b",
        "me@home and you@work",
        "4111111111111",
        "no 123-45, 1123-45, 678-90",
        "SECRET secret",
        "ababab ab",
        "ey",
        "Jx eyJabc",
        "ééxé",
        "x",
    ];

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
            ("eyJ[a-z]+", "eyJ", 4, Some("eyJ")),
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

    #[test]
    fn a_finder_finds_what_the_regex_crate_finds() {
        let ends: Vec<u32> = TEXTS
            .iter()
            .scan(0, |end, text| {
                *end += text.len() as u32;
                Some(*end)
            })
            .collect();
        let pool = TEXTS.concat();
        for pattern in PATTERNS {
            let finder = Finder::new(pattern).unwrap();
            assert!(finder.table.is_some(), "{pattern}");
            let regex = compile(pattern).unwrap();
            let mut found = Vec::new();
            finder.candidates(&ends, pool.as_bytes(), |number| found.push(TEXTS[number]));
            for text in TEXTS {
                let wanted = regex.is_match(text);
                assert!(!wanted || found.contains(&text), "{pattern} in {text}");
            }
            assert!(found.is_sorted_by_key(|text| TEXTS.iter().position(|known| known == text)));
            for text in TEXTS {
                assert_eq!(finder.is_match(text), regex.is_match(text), "{pattern}");
                assert_eq!(
                    finder.replace_all(text, |_| Cow::Borrowed("*")),
                    regex.replace_all(text, "*"),
                    "{pattern} in {text}"
                );
            }
        }
    }

    #[test]
    fn a_pattern_too_large_for_a_table_is_found_all_the_same() {
        let finder = Finder::new(r"\p{L}{1,60}x").unwrap();
        assert!(finder.table.is_none());
        assert!(finder.is_match("ééx") && !finder.is_match("éé"));
        assert_eq!(finder.replace_all("1éx", |_| Cow::Borrowed("*")), "1*");
    }
}
