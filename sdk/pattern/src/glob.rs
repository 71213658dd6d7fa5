//! Patterns with `*` and `?`, as several of the Collector's settings take them: `*` is any text, `?` any character, `[a-z]`
//! and `[!a-z]` one of some, `{a,b}` one of several texts, and a backslash takes what follows as it is.

use std::iter::Peekable;
use std::str::Chars;

use regex::Regex;

use crate::PatternError;

/// A glob as a regular expression, which matches what lies inside slashes and dots as well.
pub fn compile_glob(pattern: &str) -> Result<Regex, String> {
    let mut out = String::from("(?s)^");
    for token in tokens(pattern)? {
        match token {
            Token::Character(character) => escape(&mut out, character),
            Token::One => out.push('.'),
            Token::Many | Token::Deep => out.push_str(".*"),
            Token::Set { is_not, ranges } => {
                out.push_str(if is_not { "[^" } else { "[" });
                for (first, last) in ranges {
                    escape(&mut out, first);
                    if last != first {
                        out.push('-');
                        escape(&mut out, last);
                    }
                }
                out.push(']');
            }
            Token::Open => out.push_str("(?:"),
            Token::Or => out.push('|'),
            Token::Close => out.push(')'),
        }
    }
    out.push('$');
    Regex::new(&out).map_err(|error| PatternError::from(error).0)
}

/// Characters that mean something in regular expressions stand for themselves.
fn escape(out: &mut String, character: char) {
    if character.is_ascii_punctuation() && character != '_' {
        out.push('\\');
    }
    out.push(character);
}

/// A glob for texts of parts with a separator between them: `*` and `?` stop at it, and `**` does not. For few, short texts:
/// it carries no regular expressions.
#[derive(Debug, Clone)]
pub struct Glob {
    separator: char,
    steps: Vec<Step>,
}

#[derive(Debug, Clone)]
enum Step {
    /// One character that the token stands for.
    One(Token),
    /// Any number of them.
    Many(Token),
    /// Goes on at both places.
    Fork(usize, usize),
}

impl Glob {
    /// Reads a glob.
    pub fn new(pattern: &str, separator: char) -> Result<Self, String> {
        let mut steps = Vec::new();
        // Where the alternative at hand of each group forks off, and where those before it end.
        let mut groups: Vec<(usize, Vec<usize>)> = Vec::new();
        for token in tokens(pattern)? {
            let here = steps.len();
            let fork = Step::Fork(here + 1, here + 1);
            match token {
                Token::Open => {
                    groups.push((here, Vec::new()));
                    steps.push(fork);
                }
                Token::Or => {
                    if let Some((alternative, ends)) = groups.last_mut() {
                        ends.push(here);
                        steps.push(fork.clone());
                        steps[*alternative] = Step::Fork(*alternative + 1, here + 1);
                        *alternative = here + 1;
                        steps.push(Step::Fork(here + 2, here + 2));
                    }
                }
                Token::Close => {
                    for end in groups.pop().map(|(_, ends)| ends).unwrap_or_default() {
                        steps[end] = Step::Fork(here, here);
                    }
                }
                Token::Many | Token::Deep => steps.push(Step::Many(token)),
                _ => steps.push(Step::One(token)),
            }
        }
        Ok(Glob { separator, steps })
    }

    /// Whether it matches the whole of a text.
    pub fn is_match(&self, text: &str) -> bool {
        let (mut places, mut next) = (Vec::new(), Vec::new());
        self.reach(0, &mut places);
        for character in text.chars() {
            next.clear();
            for &place in &places {
                match self.steps.get(place) {
                    Some(Step::One(token)) if self.takes(token, character) => {
                        self.reach(place + 1, &mut next);
                    }
                    Some(Step::Many(token)) if self.takes(token, character) => {
                        self.reach(place, &mut next);
                    }
                    _ => {}
                }
            }
            std::mem::swap(&mut places, &mut next);
        }
        places.contains(&self.steps.len())
    }

    fn takes(&self, token: &Token, character: char) -> bool {
        match token {
            Token::Character(known) => *known == character,
            Token::One | Token::Many => character != self.separator,
            Token::Set { is_not, ranges } => {
                let is_in = |(first, last): &(char, char)| (*first..=*last).contains(&character);
                ranges.iter().any(is_in) != *is_not
            }
            _ => true,
        }
    }

    /// Adds a place, and those that it leads to without a character.
    fn reach(&self, place: usize, places: &mut Vec<usize>) {
        let mut open = vec![place];
        while let Some(place) = open.pop() {
            if places.contains(&place) {
                continue;
            }
            places.push(place);
            match self.steps.get(place) {
                Some(Step::Fork(one, other)) => open.extend([*one, *other]),
                Some(Step::Many(_)) => open.push(place + 1),
                _ => {}
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Token {
    Character(char),
    One,
    Many,
    Deep,
    Set {
        is_not: bool,
        ranges: Vec<(char, char)>,
    },
    Open,
    Or,
    Close,
}

fn tokens(pattern: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = pattern.chars().peekable();
    let mut depth = 0usize;
    while let Some(character) = rest.next() {
        tokens.push(match character {
            '*' if rest.next_if_eq(&'*').is_some() => {
                while rest.next_if_eq(&'*').is_some() {}
                Token::Deep
            }
            '*' => Token::Many,
            '?' => Token::One,
            '[' => set(&mut rest)?,
            '{' => {
                depth += 1;
                Token::Open
            }
            '}' if depth > 0 => {
                depth -= 1;
                Token::Close
            }
            ',' if depth > 0 => Token::Or,
            '\\' => match rest.next() {
                Some(character) => Token::Character(character),
                None => return Err("the pattern ends with a backslash".to_owned()),
            },
            character => Token::Character(character),
        });
    }
    match depth {
        0 => Ok(tokens),
        _ => Err("the pattern has a `{` without a `}`".to_owned()),
    }
}

/// What stands between brackets, up to the second.
fn set(rest: &mut Peekable<Chars<'_>>) -> Result<Token, String> {
    let is_not = rest.next_if_eq(&'!').is_some();
    let mut ranges: Vec<(char, char)> = Vec::new();
    loop {
        match (rest.next(), ranges.last_mut()) {
            (None, _) => return Err("the pattern has a `[` without a `]`".to_owned()),
            (Some(']'), None) => return Err("the pattern has `[]`, which nothing is in".to_owned()),
            (Some(']'), _) => return Ok(Token::Set { is_not, ranges }),
            (Some('-'), Some(range)) if rest.peek().is_some_and(|&next| next != ']') => {
                let last = rest.next().unwrap_or(range.0);
                if last < range.0 {
                    return Err("the pattern has a range that ends before it begins".to_owned());
                }
                range.1 = last;
            }
            (Some(character), _) => ranges.push((character, character)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, matches) in [
            ("/user/*/list/*", "/user/1/list/2/3", true),
            ("/user/*/list/*", "x/user/1/list/2", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[a-]x", "-x", true),
            ("{ab,c*}d", "cccd", true),
            ("{ab,c*}d", "abd", true),
            ("{ab,c*}d", "d", false),
            ("x{a,{b,}c}y", "xcy", true),
            ("x{a,{b,}c}y", "xbcy", true),
            ("x{a,{b,}c}y", "xby", false),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("a.b", "axb", false),
            ("*", "", true),
            ("a\u{e9}*", "a\u{e9}\nb", true),
        ] {
            let regex = compile_glob(pattern).unwrap();
            assert_eq!(regex.is_match(text), matches, "{pattern} {text}");
            // No text has such a separator.
            let glob = Glob::new(pattern, '\0').unwrap();
            assert_eq!(glob.is_match(text), matches, "{pattern} {text}");
        }
        for pattern in ["[a", "[]", "[z-a]", "{a", "{a,{b}", "a\\"] {
            assert!(compile_glob(pattern).is_err(), "{pattern}");
            assert!(Glob::new(pattern, '.').is_err(), "{pattern}");
        }
    }

    #[test]
    fn a_separator_stops_all_but_two_stars() {
        for (pattern, text, matches) in [
            ("http.*", "http.method", true),
            ("http.*", "http.request.method", false),
            ("http.**", "http.request.method", true),
            ("*", "http", true),
            ("*", "http.method", false),
            ("**", "http.method", true),
            ("a?b", "a.b", false),
            ("a?b", "a-b", true),
            ("{http,url}.*", "url.path", true),
        ] {
            let glob = Glob::new(pattern, '.').unwrap();
            assert_eq!(glob.is_match(text), matches, "{pattern} {text}");
        }
    }

    #[test]
    fn no_pattern_takes_long() {
        let glob = Glob::new(&"{a*,*a}".repeat(30), '.').unwrap();
        assert!(!glob.is_match(&format!("{}b.", "a".repeat(300))));
    }
}
