//! Patterns with `*` and `?`, as the Collector's `replace_match` takes them.

use spanmill_pattern::Regex;

/// A pattern as a regular expression: `*` is any text, `?` any character, `[a-z]` and `[!a-z]` one of some, `{a,b}` one of
/// several texts, and a backslash takes what follows as it is.
pub(super) fn compiled(pattern: &str) -> Result<Regex, String> {
    let mut out = String::from("(?s)^");
    let mut rest = pattern.chars().peekable();
    let mut depth = 0usize;
    while let Some(character) = rest.next() {
        match character {
            '*' => {
                while rest.next_if_eq(&'*').is_some() {}
                out.push_str(".*");
            }
            '?' => out.push('.'),
            '[' => {
                out.push('[');
                if rest.next_if_eq(&'!').is_some() {
                    out.push('^');
                }
                loop {
                    match rest.next() {
                        None => return Err("the pattern has a `[` without a `]`".to_owned()),
                        Some(']') => break,
                        Some('-') => out.push('-'),
                        Some(character) => escape(&mut out, character),
                    }
                }
                out.push(']');
            }
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' if depth > 0 => {
                depth -= 1;
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '\\' => match rest.next() {
                Some(character) => escape(&mut out, character),
                None => return Err("the pattern ends with a backslash".to_owned()),
            },
            character => escape(&mut out, character),
        }
    }
    if depth > 0 {
        return Err("the pattern has a `{` without a `}`".to_owned());
    }
    out.push('$');
    spanmill_pattern::compile(&out).map_err(|error| error.to_string())
}

/// Characters that mean something in regular expressions stand for themselves.
fn escape(out: &mut String, character: char) {
    if character.is_ascii_punctuation() && character != '_' {
        out.push('\\');
    }
    out.push(character);
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
            ("{ab,c*}d", "cccd", true),
            ("{ab,c*}d", "abd", true),
            (r"a\*", "a*", true),
            (r"a\*", "ab", false),
            ("a.b", "axb", false),
            ("*", "", true),
            ("a\u{e9}*", "a\u{e9}\nb", true),
        ] {
            let regex = compiled(pattern).unwrap();
            assert_eq!(regex.is_match(text), matches, "{pattern} {text}");
        }
        assert!(compiled("[a").is_err());
        assert!(compiled("{a").is_err());
    }
}
