//! URLs, taken apart as Go does, under the names of the semantic conventions.

use spanmill_sdk::Value;

use crate::datum::{Datum, Failure, MapBuilder};

const WRONG: Failure = "URL got a string that is no URL";

/// Percent signs read; a wrong one makes the whole wrong.
fn unescaped(text: &str) -> Result<String, Failure> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits
            .filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.ok_or(WRONG)?);
        rest = rest.get(2..).unwrap_or(&[]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The scheme of a URL and what stands behind it.
fn scheme(text: &str) -> Result<(String, &str), Failure> {
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err(WRONG),
            b':' => return Ok((text[..at].to_lowercase(), &text[at + 1..])),
            _ => break,
        }
    }
    Ok((String::new(), text))
}

/// The host and the port of an authority.
fn host(authority: &str) -> Result<(String, &str), Failure> {
    let (name, port) = match authority.strip_prefix('[') {
        Some(inside) => {
            let (name, behind) = inside.split_once(']').ok_or(WRONG)?;
            match behind.strip_prefix(':') {
                Some(port) => (name, port),
                None if behind.is_empty() => (name, ""),
                None => return Err(WRONG),
            }
        }
        None => authority.rsplit_once(':').unwrap_or((authority, "")),
    };
    let is_port = port.bytes().all(|digit| digit.is_ascii_digit());
    if !is_port || name.contains([' ', '<', '>', '"']) {
        return Err(WRONG);
    }
    Ok((unescaped(name)?, port))
}

/// The parts of a URL.
pub(super) fn parsed(text: &str) -> Result<Datum<'static>, Failure> {
    if text.is_empty() {
        return Err("URL got an empty string");
    }
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return Err(WRONG);
    }
    let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
    let (scheme, rest) = scheme(before)?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut map = MapBuilder::default();
    let mut put = |key: &str, value: &str| map.push_value(key, &Value::Text(value));
    put("url.original", text);
    let is_opaque = !rest.starts_with('/') && !scheme.is_empty();
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => match rest.find('/') {
            Some(at) => (Some(&rest[..at]), &rest[at..]),
            None => (Some(rest), ""),
        },
        None => (None, rest),
    };
    // The first segment of a path without a scheme has no colon.
    let first = path.split('/').next().unwrap_or("");
    if scheme.is_empty() && authority.is_none() && first.contains(':') {
        return Err(WRONG);
    }
    let (user, authority) = match authority.and_then(|authority| authority.rsplit_once('@')) {
        Some((user, authority)) => (Some(user), authority),
        None => (None, authority.unwrap_or("")),
    };
    let (domain, port) = host(authority)?;
    let path = if is_opaque {
        String::new()
    } else {
        unescaped(path)?
    };
    put("url.domain", &domain);
    put("url.scheme", &scheme);
    put("url.path", &path);
    if !fragment.is_empty() {
        put("url.fragment", &unescaped(fragment)?);
    }
    if let Some(user) = user {
        put("url.user_info", user);
        let (name, password) = match user.split_once(':') {
            Some((name, password)) => (name, Some(password)),
            None => (user, None),
        };
        if !name.is_empty() {
            put("url.username", &unescaped(name)?);
        }
        if let Some(password) = password {
            put("url.password", &unescaped(password)?);
        }
    }
    if !query.is_empty() {
        put("url.query", query);
    }
    if let Some((_, extension)) = path.rsplit_once('.')
        && !extension.is_empty()
    {
        put("url.extension", extension);
    }
    if !port.is_empty() {
        let port = port.parse().map_err(|_| WRONG)?;
        map.push_value("url.port", &Value::Int(port));
    }
    Ok(map.finish())
}
