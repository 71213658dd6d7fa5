//! One pattern looked for in many short texts. Where the `regex` crate decides anew how to search each text,
//! this compiles the pattern to a table once, and asks first what is cheap: what every match needs.

use std::borrow::Cow;
use std::ops::Range;

use regex::Regex;
use regex_automata::dfa::{Automaton, regex as automaton};
use regex_automata::{Anchored, Input};

use crate::anchor::Anchor;
use crate::needs::Needs;
use crate::run::Run;
use crate::table::Table;
use crate::{PatternError, compile};

/// A pattern, ready to be looked for.
#[derive(Debug)]
pub struct Finder {
    table: Table,
    regex: Regex,
    needs: Needs,
    run: Option<Run>,
}

impl Finder {
    /// Compiles a pattern of Go's syntax.
    pub fn new(pattern: &str) -> Result<Self, PatternError> {
        Ok(Finder {
            regex: compile(pattern)?,
            table: Table::new(pattern),
            needs: Needs::of(pattern),
            run: Run::of(pattern),
        })
    }

    /// Whether the pattern matches in a text.
    pub fn is_match(&self, text: &str) -> bool {
        self.needs.met(text.as_bytes()) && self.search(text.as_bytes())
    }

    fn search(&self, text: &[u8]) -> bool {
        let input = Input::new(text).earliest(true);
        let table = self.table.get();
        match table.map(|table| table.forward().try_search_fwd(&input)) {
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

    /// Whether there is a match in a text, which is UTF-8. If so, `out` becomes the text with every match replaced by
    /// what `new` makes of it; else it is left alone.
    pub fn replace_all<'n>(
        &self,
        text: &[u8],
        out: &mut Vec<u8>,
        mut new: impl FnMut(&[u8]) -> Cow<'n, str>,
    ) -> bool {
        if !self.needs.met(text) {
            return false;
        }
        let mut copied = None;
        let mut put = |found: Range<usize>| {
            if copied.is_none() {
                out.clear();
            }
            out.extend_from_slice(&text[copied.unwrap_or(0)..found.start]);
            out.extend_from_slice(new(&text[found.clone()]).as_bytes());
            copied = Some(found.end);
        };
        if let Some(run) = &self.run {
            let mut at = 0;
            while let Some(found) = run.next(text, at) {
                at = found.end;
                put(found);
            }
        } else {
            self.each(text, put);
        }
        if let Some(copied) = copied {
            out.extend_from_slice(&text[copied..]);
        }
        copied.is_some()
    }

    /// Calls `put` with each match in a text, in order.
    fn each(&self, text: &[u8], mut put: impl FnMut(Range<usize>)) {
        match (self.table.get(), &self.needs.anchor) {
            (Some(table), Some(anchor)) if anchor.leads() => by_anchor(table, anchor, text, put),
            (Some(table), _) => table.find_iter(text).for_each(|found| put(found.range())),
            (None, _) => {
                let text = std::str::from_utf8(text).unwrap_or("");
                let all = self.regex.find_iter(text);
                all.map(|found| found.range()).for_each(put);
            }
        }
    }
}

/// Anchors that may be no match's in one text before it is searched from end to end, which takes no longer however many
/// there are.
const FALSE_ANCHORS: usize = 8;

/// All matches, each looked for where its anchor says that it begins.
fn by_anchor(
    table: &automaton::Regex,
    anchor: &Anchor,
    text: &[u8],
    mut put: impl FnMut(Range<usize>),
) {
    let (mut from, mut at, mut failed) = (0, 0, 0);
    while let Some(place) = anchor.next(text, at) {
        at = place + 1;
        let Some(start) = anchor.start(text, from, place) else {
            continue;
        };
        let input = Input::new(text).range(start..).anchored(Anchored::Yes);
        match table.forward().try_search_fwd(&input) {
            Ok(Some(end)) => {
                put(start..end.offset());
                (from, at) = (end.offset(), end.offset());
            }
            Ok(None) if failed < FALSE_ANCHORS => failed += 1,
            _ => {
                let rest = table.find_iter(Input::new(text).range(from..));
                return rest.for_each(|found| put(found.range()));
            }
        }
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

    const PATTERNS: [&str; 14] = [
        "[0-9]+",
        "[a-z.]*@[a-z@]+!",
        "[a-z]+@",
        "[0-9]{3}-[0-9]{2}",
        r"(\w{2,})@(\w+)",
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
    const TEXTS: [&str; 15] = [
        "a@b@c@d@e@f@g@h@i@j@k@l! m@n!",
        "x@@y@z",
        "1234-567-89",
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

    fn replaced(finder: &Finder, text: &str) -> String {
        let mut out = b"before".to_vec();
        match finder.replace_all(text.as_bytes(), &mut out, |_| Cow::Borrowed("*")) {
            true => String::from_utf8(out).unwrap(),
            false => text.to_owned(),
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
            let finder = Finder {
                table: Table::in_time(pattern),
                ..Finder::new(pattern).unwrap()
            };
            assert!(finder.table.get().is_some(), "{pattern}");
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
                    replaced(&finder, text),
                    regex.replace_all(text, "*"),
                    "{pattern} in {text}"
                );
            }
        }
    }

    /// Patterns put together of parts, and texts of few letters, so that parts of matches are everywhere.
    #[test]
    fn any_pattern_replaces_what_the_regex_crate_replaces() {
        const PARTS: [&str; 24] = [
            "a",
            "@",
            "@a",
            "ab",
            "-",
            " ",
            "é",
            "[ab]",
            "[a-c.]+",
            "[^@]*",
            "[ab@]+",
            "[a.]{2,}",
            "[ab]{1,2}",
            "(a|b)",
            "(?:ab)?",
            "a*",
            "(@+)",
            r"\b",
            "^",
            "$",
            ".",
            "[-a]+",
            "(?i)a",
            "(?:a|@b)",
        ];
        const LETTERS: [&str; 8] = ["a", "b", "c", "@", "-", ".", " ", "é"];
        // xorshift64: any numbers will do, as long as they are the same each time.
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut below = |bound: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as usize % bound
        };
        let mut led = 0;
        for _ in 0..1_500 {
            let pattern: String = (0..=below(4)).map(|_| PARTS[below(PARTS.len())]).collect();
            let (finder, regex) = (Finder::new(&pattern).unwrap(), compile(&pattern).unwrap());
            led += usize::from((finder.needs.anchor.as_ref()).is_some_and(Anchor::leads));
            let (mut pool, mut ends, mut matching) = (Vec::new(), Vec::new(), Vec::new());
            for number in 0..30 {
                let text: String = (0..below(24))
                    .map(|_| LETTERS[below(LETTERS.len())])
                    .collect();
                let wanted = regex.replace_all(&text, "*");
                assert_eq!(replaced(&finder, &text), wanted, "{pattern:?} in {text:?}");
                assert_eq!(
                    finder.is_match(&text),
                    regex.is_match(&text),
                    "{pattern:?} in {text:?}"
                );
                pool.extend_from_slice(text.as_bytes());
                ends.push(pool.len() as u32);
                matching.extend(regex.is_match(&text).then_some(number));
            }
            let mut candidates = Vec::new();
            finder.candidates(&ends, &pool, |number| candidates.push(number));
            assert!(
                matching.iter().all(|it| candidates.contains(it)),
                "{pattern:?}"
            );
        }
        assert!(led > 300, "{led}");
    }

    #[test]
    fn a_pattern_too_large_for_a_table_is_found_all_the_same() {
        let finder = Finder {
            table: Table::in_time(r"\p{L}{1,60}x"),
            ..Finder::new(r"\p{L}{1,60}x").unwrap()
        };
        assert!(finder.table.get().is_none());
        assert!(finder.is_match("ééx") && !finder.is_match("éé"));
        assert_eq!(replaced(&finder, "1éx"), "1*");
    }
}
