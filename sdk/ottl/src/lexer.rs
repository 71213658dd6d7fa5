//! Cuts a statement or a condition into tokens, as the Collector's lexer does.

use crate::error::{OttlError, Position};

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Bytes(Vec<u8>),
    Float(f64),
    Int(i64),
    Text(String),
    /// A name in lower case: a path, or a word such as `and`.
    Lower(String),
    /// A name that starts with a capital: a function or an enum.
    Upper(String),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

impl Token {
    /// How an error names it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Token::Bytes(_) => "a byte literal".to_owned(),
            Token::Float(_) | Token::Int(_) => "a number".to_owned(),
            Token::Text(_) => "a string".to_owned(),
            Token::Lower(name) | Token::Upper(name) => format!("`{name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::End => "the end".to_owned(),
        }
    }
}

const SIGNS: [&str; 21] = [
    "==", "!=", ">=", "<=", "=>", ">", "<", "=", "(", ")", "{", "}", "[", "]", ",", ".", ":", "+",
    "-", "*", "_",
];

/// The tokens of a text, each with its place; the last is [`Token::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<(Token, Position)>, OttlError> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let (mut at, mut line, mut line_start) = (0, 1, 0);
    while let Some(&character) = characters.get(at) {
        let column = Position {
            line,
            column: at - line_start + 1,
        };
        let rest = &characters[at..];
        let (token, length) = match character {
            _ if character.is_whitespace() => {
                at += 1;
                if character == '\n' {
                    (line, line_start) = (line + 1, at);
                }
                continue;
            }
            '"' => string(rest, column)?,
            '0'..='9' => number(rest, column)?,
            '.' if rest.get(1).is_some_and(char::is_ascii_digit) => number(rest, column)?,
            'a'..='z' => name(rest, Token::Lower),
            'A'..='Z' => name(rest, Token::Upper),
            '/' => (Token::Sign("/"), 1),
            _ => sign(rest).ok_or_else(|| {
                let hint = match character {
                    '\'' => "; strings stand in double quotes",
                    '&' => "; write `and`",
                    '|' => "; write `or`",
                    '!' => "; write `not`",
                    '~' => "; IsMatch holds a text to a pattern",
                    _ => "",
                };
                OttlError::at(column, format!("`{character}` has no place here{hint}"))
            })?,
        };
        tokens.push((token, column));
        // Strings may have line breaks in them.
        for (place, _) in rest[..length]
            .iter()
            .enumerate()
            .filter(|(_, c)| **c == '\n')
        {
            (line, line_start) = (line + 1, at + place + 1);
        }
        at += length;
    }
    let end = Position {
        line,
        column: characters.len() - line_start + 1,
    };
    tokens.push((Token::End, end));
    Ok(tokens)
}

fn sign(rest: &[char]) -> Option<(Token, usize)> {
    let sign = SIGNS.into_iter().find(|sign| {
        sign.chars()
            .enumerate()
            .all(|(place, character)| rest.get(place) == Some(&character))
    })?;
    Some((Token::Sign(sign), sign.len()))
}

fn name(rest: &[char], token: fn(String) -> Token) -> (Token, usize) {
    let name: String = rest
        .iter()
        .take_while(|c| c.is_ascii_alphanumeric() || **c == '_')
        .collect();
    let length = name.len();
    (token(name), length)
}

fn string(rest: &[char], column: Position) -> Result<(Token, usize), OttlError> {
    let mut text = Vec::new();
    let mut at = 1;
    while let Some(&character) = rest.get(at) {
        at += 1;
        match character {
            '"' => {
                let text = String::from_utf8(text).map_err(|_| {
                    let message = "the string's bytes are not UTF-8; write characters, or `\\u` and four digits";
                    OttlError::at(column, message)
                })?;
                return Ok((Token::Text(text), at));
            }
            '\\' => {
                let Some(&escaped) = rest.get(at) else { break };
                let place = Position {
                    column: column.column + at - 1,
                    ..column
                };
                at += 1;
                unescape(&mut text, escaped, rest, &mut at).ok_or_else(|| {
                    OttlError::at(
                        place,
                        format!("`\\{escaped}` is no escape; write `\\\\{escaped}`"),
                    )
                })?;
            }
            _ => push(&mut text, character),
        }
    }
    Err(OttlError::at(
        column,
        "the string has no end; close it with a double quote",
    ))
}

fn push(text: &mut Vec<u8>, character: char) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Go's escapes of interpreted strings. `\x41` and `\101` are bytes, `\u0041` a character.
fn unescape(text: &mut Vec<u8>, escaped: char, rest: &[char], at: &mut usize) -> Option<()> {
    let from = *at;
    let mut code = |from: usize, digits: usize, radix: u32| {
        let code = rest.get(from..from + digits)?;
        *at = from + digits;
        code.iter()
            .try_fold(0, |code, digit| Some(code * radix + digit.to_digit(radix)?))
    };
    match escaped {
        'x' => text.push(u8::try_from(code(from, 2, 16)?).ok()?),
        '0'..='7' => text.push(u8::try_from(code(from - 1, 3, 8)?).ok()?),
        'u' => push(text, char::from_u32(code(from, 4, 16)?)?),
        'U' => push(text, char::from_u32(code(from, 8, 16)?)?),
        'n' => text.push(b'\n'),
        'r' => text.push(b'\r'),
        't' => text.push(b'\t'),
        'a' => text.push(0x07),
        'b' => text.push(0x08),
        'f' => text.push(0x0c),
        'v' => text.push(0x0b),
        '"' => text.push(b'"'),
        '\'' => text.push(b'\''),
        '\\' => text.push(b'\\'),
        _ => return None,
    }
    Some(())
}

fn number(rest: &[char], column: Position) -> Result<(Token, usize), OttlError> {
    if rest.starts_with(&['0', 'x']) {
        let digits: String = rest[2..]
            .iter()
            .take_while(|c| c.is_ascii_hexdigit())
            .collect();
        let bytes: Option<Vec<u8>> = (digits.len().is_multiple_of(2) && !digits.is_empty())
            .then(|| {
                let pair = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
                (0..digits.len()).step_by(2).map(pair).collect()
            })
            .flatten();
        let bytes = bytes
            .ok_or_else(|| OttlError::at(column, "a byte literal takes two hex digits a byte"))?;
        return Ok((Token::Bytes(bytes), digits.len() + 2));
    }
    let digit = |at: usize| rest.get(at).is_some_and(char::is_ascii_digit);
    let mut end = 0;
    while digit(end) {
        end += 1;
    }
    let mut float = false;
    if rest.get(end) == Some(&'.') {
        float = true;
        end += 1;
        while digit(end) {
            end += 1;
        }
        if matches!(rest.get(end), Some('e' | 'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some('+' | '-')));
            if digit(end + 1 + sign) {
                end += 1 + sign;
                while digit(end) {
                    end += 1;
                }
            }
        }
    }
    let text: String = rest[..end].iter().collect();
    let token = if float {
        text.parse().ok().map(Token::Float)
    } else {
        text.parse().ok().map(Token::Int)
    };
    let token =
        token.ok_or_else(|| OttlError::at(column, "the number is too large for 64 bits"))?;
    Ok((token, end))
}
