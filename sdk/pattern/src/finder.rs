//! One pattern looked for in many short texts. Where the `regex` crate decides anew how to search each text,
//! this compiles the pattern to a table once, and asks first what is cheap: what every match needs.

use std::borrow::Cow;
use std::ops::Range;

use regex::Regex;
use regex_automata::Input;
use regex_automata::dfa::{Automaton, dense, regex as table};

use crate::needs::Needs;
use crate::{PatternError, compile, translate};

/// Tables larger than this are not worth it; the `regex` crate then does the work.
const TABLE_BYTES: usize = 1 << 20;

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
            if let Some(hit) = self.needs.next(rest) {
                let Some(hit) = hit else { return };
                number = holder(ends, number, (at + hit) as u32);
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
