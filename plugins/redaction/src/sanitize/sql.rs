//! SQL without values: `SELECT * FROM users WHERE id = 7` becomes `SELECT * FROM users WHERE id = ?`. Everything else stays as it
//! stands, spaces and comments included.

use super::lexer::{FUNCTION, Lexer, Token};

/// A statement without numbers, texts, booleans, nulls and the digits in names.
pub(super) fn without_values(text: &str, is_mysql: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut lexer = Lexer::new(text, is_mysql);
    while let Some((token, text)) = lexer.next() {
        match token {
            Token::Value => out.push('?'),
            Token::Name if text.bytes().any(|byte| byte.is_ascii_digit()) => {
                without_digits(text, &mut out);
            }
            Token::Function => {
                out.push_str(FUNCTION);
                let inner = text.strip_prefix(FUNCTION).unwrap_or(text);
                let inner = inner.strip_suffix(FUNCTION).unwrap_or(inner);
                out.push_str(&without_values(inner, is_mysql));
                out.push_str(FUNCTION);
            }
            Token::Name | Token::Other => out.push_str(text),
        }
    }
    let trimmed = out.trim();
    match trimmed.len() == out.len() {
        true => out,
        false => trimmed.to_owned(),
    }
}

/// Appends a name; each run of digits becomes one question mark.
fn without_digits(name: &str, out: &mut String) {
    let mut last_is_digit = false;
    for character in name.chars() {
        let is_digit = character.is_ascii_digit();
        match (is_digit, last_is_digit) {
            (true, true) => {}
            (true, false) => out.push('?'),
            (false, _) => out.push(character),
        }
        last_is_digit = is_digit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_and_the_rest_stays() {
        for (text, expected) in [
            (
                "SELECT * FROM users WHERE id = 123 AND name = 'it\\'s'",
                "SELECT * FROM users WHERE id = ? AND name = ?",
            ),
            (
                " INSERT INTO t1 VALUES (-1.5e+3, 0x1F, 'a', TRUE, null) ",
                "INSERT INTO t? VALUES (?, ?, ?, ?, ?)",
            ),
            (
                "SELECT \"col1\", fn2(3) FROM s12.t34",
                "SELECT \"col?\", fn2(?) FROM s?.t?",
            ),
            ("SELECT $1, $$body$$, $tag$x$tag$", "SELECT ?, ?, ?"),
            ("DO $func$SELECT 1$func$", "DO $func$SELECT ?$func$"),
            ("SELECT 'open", "SELECT ?"),
            (
                "SELECT a -- 7\nFROM b /* 8 */ #> 9",
                "SELECT a -- 7\nFROM b /* 8 */ #> ?",
            ),
            ("SELECT @p1, @@version, :a", "SELECT @p1, @@version, :a"),
            (
                "select data->>'k' from nulls where true",
                "select data->>? from nulls where ?",
            ),
            ("s\u{e9}lect 1", "s\u{e9}lect ?"),
            ("\u{e9}1", "\u{e9}?"),
            ("\u{20ac} 1", "\u{20ac} ?"),
            ("", ""),
        ] {
            assert_eq!(without_values(text, false), expected, "{text}");
        }
    }

    #[test]
    fn mysql_has_quotes_and_comments_of_its_own() {
        let text = "SELECT `a1` FROM t WHERE x = \"secret\" # 5";
        assert_eq!(
            without_values(text, true),
            "SELECT `a?` FROM t WHERE x = ? # 5"
        );
        assert_eq!(
            without_values(text, false),
            "SELECT `a?` FROM t WHERE x = \"secret\" # ?"
        );
    }
}
