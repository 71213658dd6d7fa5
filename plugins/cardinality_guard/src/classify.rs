//! What a part of a name is by its looks alone: an id, a date, an address. No state: the same part is always the same.

use std::net::Ipv6Addr;

/// Digits that make a part of a segment an id. Fewer are often a version.
const ID_DIGITS: usize = 4;

/// A segment of letters and digits is a token from this length on, with so many digits and a run of such a length without
/// `-` and `_`.
const TOKEN: usize = 20;
const TOKEN_DIGITS: usize = 3;
const TOKEN_RUN: usize = 12;

/// A longer segment is a token whatever it looks like.
const LONGEST: usize = 64;

/// Hex digits that are a hash whatever they are, and those that are one if letters and digits are mixed.
const HASH: usize = 16;
const SHORT_HASH: usize = 8;

/// Whether there is anything in a segment by which it may be told: most have neither a digit nor an @.
fn may_vary(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .any(|&byte| byte.is_ascii_digit() || byte == b'@')
}

/// The placeholder of a segment that is an id, date or the like as a whole.
pub(crate) fn whole(segment: &str) -> Option<&'static str> {
    let bytes = segment.as_bytes();
    if bytes.is_empty() {
        return None;
    }
    if bytes.iter().all(u8::is_ascii_digit) {
        return Some("{id}");
    }
    if bytes.len() > LONGEST {
        return Some("{token}");
    }
    if !may_vary(bytes) {
        return None;
    }
    if is_uuid(bytes) {
        return Some("{uuid}");
    }
    if is_hash(bytes.strip_prefix(b"0x").unwrap_or(bytes)) {
        return Some("{hash}");
    }
    if date(bytes).is_some_and(|length| is_time(&bytes[length..])) {
        return Some("{date}");
    }
    if is_email(segment) {
        return Some("{email}");
    }
    if is_ip(segment) {
        return Some("{ip}");
    }
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+');
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let mixed = bytes.len() >= TOKEN && digits >= TOKEN_DIGITS && has_long_run(bytes);
    (mixed && bytes.iter().all(is_token)).then_some("{token}")
}

/// Writes a segment with placeholders for those of its parts that are ids, dates or the like.
pub(crate) fn parts(segment: &str, out: &mut String) {
    let bytes = segment.as_bytes();
    if !may_vary(bytes) {
        out.push_str(segment);
        return;
    }
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        if !bytes[at].is_ascii_alphanumeric() {
            while at < bytes.len() && !bytes[at].is_ascii_alphanumeric() {
                at += 1;
            }
            out.push_str(&segment[start..at]);
            continue;
        }
        let rest = &bytes[at..];
        let found = match (rest.get(..36), date(rest)) {
            (Some(uuid), _) if is_uuid(uuid) && !goes_on(rest, 36) => Some((36, "{uuid}")),
            (_, Some(length)) if !goes_on(rest, length) => Some((length, "{date}")),
            _ => None,
        };
        let length = match found {
            Some((length, placeholder)) => {
                out.push_str(placeholder);
                length
            }
            None => {
                let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric());
                let end = end.unwrap_or(rest.len());
                out.push_str(part(&rest[..end]).unwrap_or(&segment[at..at + end]));
                end
            }
        };
        at += length;
    }
}

/// The placeholder of a run of letters and digits.
fn part(run: &[u8]) -> Option<&'static str> {
    if run.iter().all(u8::is_ascii_digit) {
        return (run.len() >= ID_DIGITS).then_some("{id}");
    }
    is_hash(run).then_some("{hash}")
}

/// Whether letters or digits follow.
fn goes_on(bytes: &[u8], length: usize) -> bool {
    bytes.get(length).is_some_and(u8::is_ascii_alphanumeric)
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_hash(bytes: &[u8]) -> bool {
    let digits = bytes.iter().filter(|byte| byte.is_ascii_digit()).count();
    let letters = bytes.len() - digits;
    let enough = match bytes.len() {
        HASH.. => digits > 0,
        SHORT_HASH.. => digits > 1 && letters > 1,
        _ => false,
    };
    enough && bytes.iter().all(u8::is_ascii_hexdigit)
}

/// The length of a date such as `2026-01-31` that bytes begin with.
fn date(bytes: &[u8]) -> Option<usize> {
    let digits = |from: usize, to: usize| {
        let part = bytes.get(from..to)?;
        part.iter().try_fold(0u32, |value, byte| {
            byte.is_ascii_digit()
                .then(|| value * 10 + u32::from(byte - b'0'))
        })
    };
    let (year, month, day) = (digits(0, 4)?, digits(5, 7)?, digits(8, 10)?);
    let is_date = (1900..2200).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && bytes[4] == b'-'
        && bytes[7] == b'-';
    is_date.then_some(10)
}

/// Whether what follows a date is nothing or a time of day, such as `T12:00:00.5Z`.
fn is_time(bytes: &[u8]) -> bool {
    match bytes {
        [] => true,
        [b'T' | b't' | b'_', time @ ..] => time.iter().all(|byte| {
            byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b'Z' | b'z' | b'+' | b'-')
        }),
        _ => false,
    }
}

fn is_email(segment: &str) -> bool {
    segment.split_once('@').is_some_and(|(name, domain)| {
        !name.is_empty()
            && !domain.contains('@')
            && domain
                .split_once('.')
                .is_some_and(|(host, top)| !host.is_empty() && !top.is_empty())
    })
}

fn is_ip(segment: &str) -> bool {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let address = match segment.split_once(':') {
        Some((address, port)) if is_port(port) => address,
        _ => segment,
    };
    let mut parts = 0;
    let is_v4 = address.split('.').all(|part| {
        parts += 1;
        part.parse::<u8>().is_ok()
    });
    is_v4 && parts == 4 || segment.contains(':') && segment.parse::<Ipv6Addr>().is_ok()
}

/// Whether between `-` and `_` there is a run that is longer than words with a number are.
fn has_long_run(bytes: &[u8]) -> bool {
    let mut runs = bytes.split(|byte| matches!(byte, b'-' | b'_'));
    runs.any(|run| run.len() >= TOKEN_RUN && run.iter().any(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(segment: &str) -> String {
        let mut out = String::new();
        match whole(segment) {
            Some(placeholder) => out.push_str(placeholder),
            None => parts(segment, &mut out),
        }
        out
    }

    #[test]
    fn what_varies_is_found_by_its_looks() {
        for (segment, expected) in [
            ("42", "{id}"),
            ("550e8400-e29b-41d4-a716-446655440000", "{uuid}"),
            ("d41d8cd98f00b204e9800998ecf8427e", "{hash}"),
            ("0x7ffdeadbeef1", "{hash}"),
            ("3f2a9c1b", "{hash}"),
            ("2026-01-31", "{date}"),
            ("2026-01-31T12:00:00.5Z", "{date}"),
            ("jo.doe@example.com", "{email}"),
            ("10.0.0.1", "{ip}"),
            ("10.0.0.1:8080", "{ip}"),
            ("2001:db8::1", "{ip}"),
            ("01ARZ3NDEKTSV4RRFFQ69G5FAV", "{token}"),
            ("eW91IGZvdW5kIG1lIDEyMzQ1", "{token}"),
            ("order-12345", "order-{id}"),
            (
                "user:550e8400-e29b-41d4-a716-446655440000:profile",
                "user:{uuid}:profile",
            ),
            ("report-2026-01-31.csv", "report-{date}.csv"),
            ("my-app-7d4b9c6f5d-x2x9z", "my-app-{hash}-x2x9z"),
            ("größe-12345", "größe-{id}"),
        ] {
            assert_eq!(template(segment), expected, "{segment}");
        }
        assert_eq!(template(&"x".repeat(65)), "{token}");
    }

    #[test]
    fn what_does_not_vary_stays() {
        for segment in [
            "",
            "GET",
            "users",
            "v1",
            "HTTP",
            "1.1",
            "us-east-1",
            "gpt-4.1",
            "facade",
            "deadbeef",
            "s3",
            "ipv4",
            "utf-8",
            "@",
            "a@b",
            "process_order_v2_with_retry_100",
            "ListObjectsV2",
            "größe",
            "::",
            "--",
            "1.2.3.4.5",
            "300.1.1.1",
        ] {
            assert_eq!(template(segment), segment);
        }
    }
}
