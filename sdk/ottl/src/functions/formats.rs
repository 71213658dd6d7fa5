//! Lines of log formats that have a name: CLF, CEF, ELF, LEEF.

use spanmill_pattern::Regex;
use spanmill_sdk::{Value, nested};

use crate::coerce::Kind::{LiteralText, Text};
use crate::datum::{Datum, Failure, MapBuilder};
use crate::duplicates::last_of_each;
use crate::function::Make::{Plain, Prepared};
use crate::function::{
    Answer, Constants, Function, Input, Signature, converter, function, may_take, takes,
};

pub(super) static FUNCTIONS: &[Signature] = &[
    converter("ParseCEF", &[takes("target", Text)], Plain(parse_cef)),
    converter(
        "ParseCLF",
        &[takes("target", Text), may_take("format", LiteralText)],
        Prepared(parse_clf),
    ),
    converter("ParseELF", &[takes("target", Text)], Plain(parse_elf)),
    converter("ParseLEEF", &[takes("target", Text)], Plain(parse_leef)),
];

/// Host, two users, time, request, status and bytes.
const COMMON: &str = r#"^(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\S+) (\S+)"#;
/// Referrer and user agent behind them.
const COMBINED: &str = r#" "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)""#;

fn parse_clf(constants: &Constants<'_>) -> Result<Function, String> {
    let is_combined = match constants.text("format") {
        None | Some("clf") => false,
        Some("combined") => true,
        Some(_) => return Err("the format is clf or combined".to_owned()),
    };
    let behind = if is_combined { COMBINED } else { "" };
    let regex = spanmill_pattern::compile(&format!("{COMMON}{behind}$"));
    let regex = regex.map_err(|error| error.to_string())?;
    Ok(function(move |input| {
        common(&regex, input.text(0)?, is_combined)
    }))
}

fn common(regex: &Regex, text: &str, is_combined: bool) -> Result<Datum<'static>, Failure> {
    let captures = regex
        .captures(text.trim())
        .ok_or("ParseCLF got a string that does not have the format")?;
    let part = |at: usize| captures.get(at).map_or("", |part| part.as_str());
    let number = |text: &str| -> Result<i64, Failure> {
        text.parse()
            .map_err(|_| "ParseCLF got a status or a size that is no number")
    };
    let mut map = MapBuilder::default();
    let mut put = |key: &str, value: &str| map.push_value(key, &Value::Text(value));
    put("clf.remote_host", part(1));
    put("clf.rfc931", part(2));
    put("clf.auth_user", part(3));
    put("clf.timestamp", part(4));
    let request = unescaped(part(5));
    put("clf.request", &request);
    let mut words = request.splitn(3, ' ');
    if let (Some(method), Some(uri), Some(protocol)) = (words.next(), words.next(), words.next()) {
        put("clf.method", method);
        put("clf.request_uri", uri);
        put("clf.protocol", protocol);
    }
    if is_combined {
        put("clf.referer", &unescaped(part(8)));
        put("clf.user_agent", &unescaped(part(9)));
    }
    map.push_value("clf.status", &Value::Int(number(part(6))?));
    if part(7) != "-" {
        map.push_value("clf.bytes", &Value::Int(number(part(7))?));
    }
    Ok(map.finish())
}

/// What Apache wrote with backslashes.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        let Some((&escaped, behind)) = rest.split_first().filter(|_| byte == b'\\') else {
            bytes.push(byte);
            continue;
        };
        rest = behind;
        match escaped {
            b'\\' | b'"' => bytes.push(escaped),
            b'n' => bytes.push(b'\n'),
            b't' => bytes.push(b'\t'),
            b'r' => bytes.push(b'\r'),
            b'b' => bytes.push(0x08),
            b'f' => bytes.push(0x0c),
            b'v' => bytes.push(0x0b),
            b'x' => {
                let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
                match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
                    Some(byte) => {
                        bytes.push(byte);
                        rest = rest.get(2..).unwrap_or(&[]);
                    }
                    None => bytes.extend(b"\\x"),
                }
            }
            other => bytes.extend([b'\\', other]),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The characters of a text: a backslash and one of `plain` behind it stand for what `meant` says.
fn with_escapes(text: &str, meant: impl Fn(char) -> Option<char>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let known = rest.peek().filter(|_| character == '\\').copied();
        match known.and_then(&meant) {
            Some(meant) => {
                rest.next();
                out.push(meant);
            }
            None => out.push(character),
        }
    }
    out
}

const CEF_KEYS: [&str; 7] = [
    "cef.version",
    "cef.device_vendor",
    "cef.device_product",
    "cef.device_version",
    "cef.device_event_class_id",
    "cef.name",
    "cef.severity",
];

fn parse_cef<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let text = input.text(0)?;
    let start = text
        .find("CEF:")
        .ok_or("ParseCEF got a string without `CEF:`")?;
    let mut rest = &text[start + 4..];
    let mut map = MapBuilder::default();
    for (at, key) in CEF_KEYS.iter().enumerate() {
        let end = unescaped_pipe(rest);
        let (field, behind) = match end {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None if at + 1 == CEF_KEYS.len() => (rest, ""),
            None => return Err("ParseCEF got a header with less than seven fields"),
        };
        if at == 0 && field.is_empty() {
            return Err("ParseCEF got a header without a version");
        }
        let field = with_escapes(field, |c| matches!(c, '|' | '\\').then_some(c));
        map.push_value(key, &Value::Text(&field));
        rest = behind;
    }
    let mut extensions = Vec::new();
    let keys = extension_keys(rest);
    for (at, &(start, end)) in keys.iter().enumerate() {
        let until = keys.get(at + 1).map_or(rest.len(), |next| next.0);
        let value = rest.get(end + 1..until).unwrap_or("").trim_end_matches(' ');
        let value = with_escapes(value, |c| match c {
            '\\' | '=' => Some(c),
            'n' => Some('\n'),
            'r' => Some('\r'),
            _ => None,
        });
        nested::push_entry(&mut extensions, &rest[start..end], &Value::Text(&value));
    }
    map.push_value("cef.extensions", &Value::Map(&extensions));
    Ok(map.finish())
}

fn unescaped_pipe(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if matches!(bytes.get(at + 1), Some(b'|' | b'\\')) => at += 1,
            b'|' => return Some(at),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Where the keys of an extension begin and end: words behind a space, and before `=`.
fn extension_keys(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut keys = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let begins = at == 0 || bytes.get(at - 1) == Some(&b' ');
        let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let length = bytes[at..].iter().take_while(|byte| is_word(byte)).count();
        if begins && length > 0 && bytes.get(at + length) == Some(&b'=') {
            keys.push((at, at + length));
            at += length;
        }
        at += 1;
    }
    keys
}

fn parse_elf<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let text = input.text(0)?;
    if text.is_empty() {
        return Err("ParseELF got an empty string");
    }
    let mut map = MapBuilder::default();
    let mut entries = Vec::new();
    let mut fields: Option<Vec<&str>> = None;
    let mut has_version = false;
    for line in text.split(['\n', '\r']).map(str::trim) {
        if line.is_empty() {
            continue;
        }
        let Some(directive) = line.strip_prefix('#') else {
            let fields = fields.as_deref().filter(|fields| !fields.is_empty());
            let fields = fields.ok_or("ParseELF got an entry before its fields")?;
            let values = elf_values(line)?;
            let mut entry = Vec::new();
            for (at, field) in fields.iter().enumerate() {
                let value = values.get(at).map_or("-", String::as_str);
                nested::push_entry(&mut entry, field, &Value::Text(value));
            }
            nested::push_item(&mut entries, &Value::Map(&entry));
            continue;
        };
        let Some((key, value)) = directive.split_once(':') else {
            match directive.trim().get(..6) {
                Some(key) if key.eq_ignore_ascii_case("fields") => {
                    return Err("ParseELF got a line of fields without a colon");
                }
                _ => continue,
            }
        };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        match key.as_str() {
            "version" => {
                has_version = true;
                map.push_value("elf.version", &Value::Text(value));
            }
            "fields" => fields = Some(value.split_whitespace().collect()),
            "software" | "date" | "remark" => {
                map.push_value(&format!("elf.{key}"), &Value::Text(value));
            }
            "start-date" => map.push_value("elf.start_date", &Value::Text(value)),
            "end-date" => map.push_value("elf.end_date", &Value::Text(value)),
            _ => {}
        }
    }
    if !has_version {
        return Err("ParseELF got a string without a version");
    }
    let mut names = Vec::new();
    for field in fields.unwrap_or_default() {
        nested::push_item(&mut names, &Value::Text(field));
    }
    map.push_value("elf.entries", &Value::Array(&entries));
    map.push_value("elf.fields", &Value::Array(&names));
    Ok(map.finish())
}

/// The values of a line, some of them in quotes, in which two quotes are one.
fn elf_values(line: &str) -> Result<Vec<String>, Failure> {
    let mut values = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let Some(mut quoted) = rest.strip_prefix('"') else {
            let end = rest.find([' ', '\t']).unwrap_or(rest.len());
            values.push(rest[..end].to_owned());
            rest = rest[end..].trim_start();
            continue;
        };
        let mut value = String::new();
        loop {
            let (inside, behind) = quoted
                .split_once('"')
                .ok_or("ParseELF got a quote without an end")?;
            value.push_str(inside);
            match behind.strip_prefix('"') {
                Some(behind) => {
                    value.push('"');
                    quoted = behind;
                }
                None => {
                    rest = behind.trim_start();
                    break;
                }
            }
        }
        values.push(value);
    }
    Ok(values)
}

fn parse_leef<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    const SHORT: Failure = "ParseLEEF got a header with less than four fields";
    let text = input.text(0)?;
    let start = text
        .find("LEEF:")
        .ok_or("ParseLEEF got a string without `LEEF:`")?;
    let (version, rest) = text[start + 5..].split_once('|').ok_or(SHORT)?;
    if !matches!(version, "1.0" | "2.0") {
        return Err("ParseLEEF got a version that is neither 1.0 nor 2.0");
    }
    let mut parts = rest.splitn(5, '|');
    let mut map = MapBuilder::default();
    map.push_value("leef.version", &Value::Text(version));
    for key in [
        "leef.vendor",
        "leef.product.name",
        "leef.product.version",
        "leef.event.id",
    ] {
        map.push_value(key, &Value::Text(parts.next().ok_or(SHORT)?));
    }
    let behind = parts.next().unwrap_or("");
    let (delimiter, attributes) = match behind.split_once('|') {
        // The delimiter may be left out: what has an equals sign is an attribute.
        Some((spec, attributes)) if version == "2.0" && !spec.contains('=') => {
            (leef_delimiter(spec)?, attributes)
        }
        None if version == "2.0" && !behind.contains('=') => (leef_delimiter(behind)?, ""),
        _ => ('\t', behind),
    };
    let mut entries: Vec<(&str, &str)> = Vec::new();
    for pair in attributes.split(delimiter) {
        entries.extend(pair.split_once('=').filter(|(key, _)| !key.is_empty()));
    }
    let mut built = Vec::new();
    for (key, value) in last_of_each(entries) {
        nested::push_entry(&mut built, key, &Value::Text(value));
    }
    map.push_value("leef.attributes", &Value::Map(&built));
    Ok(map.finish())
}

fn leef_delimiter(spec: &str) -> Result<char, Failure> {
    const WRONG: Failure =
        "ParseLEEF got a delimiter that is neither one character nor its hex code";
    if spec.is_empty() {
        return Ok('\t');
    }
    if let Some(digits) = spec.strip_prefix("0x").or(spec.strip_prefix("0X")) {
        let byte = u8::from_str_radix(digits, 16).ok();
        let byte = byte.filter(|byte| digits.len() == 2 && byte.is_ascii());
        return byte.map(char::from).ok_or(WRONG);
    }
    let mut characters = spec.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(character),
        _ => Err(WRONG),
    }
}
