//! The Collector's regular expressions.
//!
//! The Collector is written in Go, and so are its users' patterns. Go's syntax (RE2) and that of the
//! `regex` crate are nearly the same and match in the same leftmost-first way; [`translate`] evens out
//! where they differ: `\d`, `\w`, `\s` and `\b` are ASCII in Go, `\Q..\E` quotes, `\<` is a literal, a brace
//! that counts nothing is a literal, and sets have no `&&`, `--`, `~~` or nested sets.

mod anchor;
mod finder;
mod glob;
mod lead;
mod needs;
mod rank;
mod run;
mod table;

use std::iter::Peekable;
use std::str::Chars;

pub use finder::Finder;
pub use glob::{Glob, compile_glob};
pub use regex::{Regex, RegexSet};

/// A pattern that is no regular expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no valid regular expression: {0}")]
pub struct PatternError(String);

impl From<regex::Error> for PatternError {
    fn from(error: regex::Error) -> Self {
        // The crate draws the pattern and an arrow; the last line says what is wrong.
        let message = error.to_string();
        let last = message.lines().last().unwrap_or_default().trim();
        PatternError(last.trim_start_matches("error: ").to_lowercase())
    }
}

/// Compiles a pattern of Go's syntax.
pub fn compile(pattern: &str) -> Result<Regex, PatternError> {
    Ok(Regex::new(&translate(pattern))?)
}

/// Compiles patterns of Go's syntax into a set, which finds out in one pass which of them match.
pub fn compile_set<S: AsRef<str>>(patterns: &[S]) -> Result<RegexSet, PatternError> {
    Ok(RegexSet::new(
        patterns.iter().map(|pattern| translate(pattern.as_ref())),
    )?)
}

/// Rewrites a pattern of Go's syntax for the `regex` crate.
pub fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern.chars().peekable();
    let mut in_set = false;
    while let Some(character) = rest.next() {
        match character {
            '\\' => escape(&mut out, &mut rest, in_set),
            '[' if !in_set => {
                in_set = true;
                out.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
                // A bracket right at the start is a member.
                if rest.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
            }
            '[' => {
                if rest.peek() == Some(&':') {
                    class(&mut out, &mut rest);
                } else {
                    out.push_str("\\[");
                }
            }
            ']' if in_set => {
                in_set = false;
                out.push(']');
            }
            '&' | '~' if in_set => {
                out.push('\\');
                out.push(character);
            }
            '-' if in_set && rest.peek() == Some(&'-') => out.push_str("\\-"),
            '{' if !in_set && !counts(rest.clone()) => out.push_str("\\{"),
            _ => out.push(character),
        }
    }
    out
}

/// `[:alpha:]`, up to its end.
fn class(out: &mut String, rest: &mut Peekable<Chars<'_>>) {
    out.push('[');
    let mut last = '[';
    for character in rest.by_ref() {
        out.push(character);
        if last == ':' && character == ']' {
            break;
        }
        last = character;
    }
}

/// Whether what follows a brace makes it a repetition: `2}`, `2,}` or `2,3}`.
fn counts(rest: Peekable<Chars<'_>>) -> bool {
    let text: String = rest
        .take_while(|&character| character != '}')
        .take(12)
        .collect();
    let (low, high) = text.split_once(',').unwrap_or((&text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !low.is_empty() && digits(low) && digits(high)
}

fn escape(out: &mut String, rest: &mut Peekable<Chars<'_>>, in_set: bool) {
    let Some(character) = rest.next() else {
        out.push('\\');
        return;
    };
    match character {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str("[\\t\\n\\f\\r ]"),
        'S' => out.push_str("[^\\t\\n\\f\\r ]"),
        'b' | 'B' if !in_set => {
            out.push_str("(?-u:\\");
            out.push(character);
            out.push(')');
        }
        'p' | 'P' | 'x' => {
            out.push('\\');
            out.push(character);
            if rest.peek() == Some(&'{') {
                for character in rest.by_ref() {
                    out.push(character);
                    if character == '}' {
                        break;
                    }
                }
            }
        }
        'Q' => quoted(out, rest),
        '<' | '>' => out.push(character),
        '0'..='7' => {
            let mut code = character as u32 - '0' as u32;
            let mut digits = 1;
            while digits < 3
                && let Some(digit) = rest.next_if(|next| ('0'..='7').contains(next))
            {
                code = code * 8 + (digit as u32 - '0' as u32);
                digits += 1;
            }
            if digits == 1 && code != 0 {
                // A back-reference: no such thing in Go either; let the compiler say so.
                out.push('\\');
                out.push(character);
            } else {
                out.push_str(&format!("\\x{{{code:x}}}"));
            }
        }
        _ => {
            out.push('\\');
            out.push(character);
        }
    }
}

/// `\Q..\E`: what stands between is literal.
fn quoted(out: &mut String, rest: &mut Peekable<Chars<'_>>) {
    let mut literal = String::new();
    while let Some(character) = rest.next() {
        if character == '\\' && rest.next_if_eq(&'E').is_some() {
            break;
        }
        literal.push(character);
    }
    out.push_str(&regex::escape(&literal));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matches: &[&str], others: &[&str]) {
        let regex = compile(pattern).unwrap();
        for text in matches {
            assert!(regex.is_match(text), "{pattern} should match {text:?}");
        }
        for text in others {
            assert!(!regex.is_match(text), "{pattern} should not match {text:?}");
        }
    }

    #[test]
    fn perl_classes_are_ascii() {
        check(r"^\d+$", &["12"], &["٣", ""]);
        check(r"^\w+$", &["a_1"], &["é"]);
        check(r"^\s$", &[" ", "\t"], &["\u{a0}", "\u{b}"]);
        check(r"^[\w.]+@[^\s]+$", &["a.b@c"], &["a@ c"]);
        check(r"\bcat\b", &["a cat", "écaté"], &["cats"]);
        check(r"a\Bb", &["ab"], &["a b"]);
    }

    #[test]
    fn sets_have_no_operators() {
        check(r"^[a&&b]$", &["a", "&", "b"], &["c"]);
        check(r"^[[]$", &["["], &["]"]);
        check(r"^[]a]$", &["]", "a"], &["["]);
        check(r"^[^]a]$", &["b"], &["]", "a"]);
        check(r"^[[:alpha:]_]$", &["x", "_"], &["1"]);
        check(r"^[a~~b]$", &["~"], &["c"]);
    }

    #[test]
    fn braces_and_quotes() {
        check(r"^a{2}$", &["aa"], &["a{2}"]);
        check(r"^a{2,3}$", &["aaa"], &["a"]);
        check(r"^{x}$", &["{x}"], &["x"]);
        check(r"^a{,3}$", &["a{,3}"], &["aaa"]);
        check(r"^\Qa.b\E.$", &["a.bc"], &["axbc"]);
        check(r"^\<a\>$", &["<a>"], &["a"]);
        check(r"^\101\x42$", &["AB"], &["101"]);
    }

    #[test]
    fn usual_patterns_of_configurations_are_left_alone() {
        check("4[0-9]{12}(?:[0-9]{3})?", &["4111111111111111"], &["5111"]);
        check("(?i)^(?P<scheme>https?)://", &["HTTPS://x"], &["ftp://x"]);
        check(r"^\p{L}+\x{41}$", &["éA"], &["1"]);
    }

    #[test]
    fn an_error_is_one_short_line() {
        let error = compile("a(b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "no valid regular expression: unclosed group"
        );
    }
}
