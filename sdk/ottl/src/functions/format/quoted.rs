//! Texts in quotes, as Go writes them: `strconv.Quote` and its like.

use std::fmt::Write as _;

/// A text in double quotes; in ASCII, or in back quotes where that can be, if asked for.
pub(super) fn quoted(bytes: &[u8], is_ascii: bool, is_raw: bool) -> String {
    let stays = |one: char| (one == '\t' || !one.is_control()) && one != '`' && one != '\u{feff}';
    if let (true, Ok(text)) = (is_raw, std::str::from_utf8(bytes))
        && text.chars().all(stays)
    {
        return format!("`{text}`");
    }
    let mut out = String::from('"');
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            escape(&mut out, character, '"', is_ascii);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}

/// A character in single quotes.
pub(super) fn quoted_character(character: char, is_ascii: bool) -> String {
    let mut out = String::from('\'');
    escape(&mut out, character, '\'', is_ascii);
    out.push('\'');
    out
}

/// Whether a character is shown as it is.
pub(super) fn is_shown(character: char) -> bool {
    match character {
        ' '..='~' => true,
        // Of spaces only the one of ASCII is.
        _ => !character.is_whitespace() && character.escape_debug().len() == 1,
    }
}

fn escape(out: &mut String, character: char, quote: char, is_ascii: bool) {
    let code = u32::from(character);
    let _ = match character {
        '\\' => write!(out, "\\\\"),
        _ if character == quote => write!(out, "\\{quote}"),
        _ if is_shown(character) && (!is_ascii || character.is_ascii()) => {
            write!(out, "{character}")
        }
        '\u{7}' => write!(out, "\\a"),
        '\u{8}' => write!(out, "\\b"),
        '\u{c}' => write!(out, "\\f"),
        '\n' => write!(out, "\\n"),
        '\r' => write!(out, "\\r"),
        '\t' => write!(out, "\\t"),
        '\u{b}' => write!(out, "\\v"),
        ..' ' | '\u{7f}' => write!(out, "\\x{code:02x}"),
        ..'\u{10000}' => write!(out, "\\u{code:04x}"),
        _ => write!(out, "\\U{code:08x}"),
    };
}
