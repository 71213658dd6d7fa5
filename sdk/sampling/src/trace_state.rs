//! W3C trace states, as far as the sampling information of OpenTelemetry in them goes (`ot=th:..;rv:..`).
//!
//! Syntax and limits are those of the Collector's `pkg/sampling`.

use crate::threshold;

/// A trace state taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TraceState<'a> {
    /// The rejection threshold, in 56 bits, and its digits.
    pub threshold: Option<(u64, &'a str)>,
    /// The randomness value's digits.
    pub randomness: Option<&'a str>,
    /// What else stands in the `ot` member.
    extra: Vec<(&'a str, &'a str)>,
    /// The other vendors' members.
    members: Vec<(&'a str, &'a str)>,
}

/// Reads a trace state; `None` if it is malformed.
pub fn parse(text: &str) -> Option<TraceState<'_>> {
    let mut state = TraceState::default();
    if text.is_empty() {
        return Some(state);
    }
    if text.len() > 1024 || text.split(',').count() >= 32 {
        return None;
    }
    for member in text.split(',') {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        if !valid_key(key) || !valid_value(value) {
            return None;
        }
        if key == "ot" {
            otel(value, &mut state)?;
        } else {
            state.members.push((key, value));
        }
    }
    Some(state)
}

/// The value of a vendor's member, as W3C's Trace Context reads it; `None` where there is none, or where the whole is
/// malformed: more than 32 members, a key twice, or characters that are not allowed.
pub fn member<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let mut found = None;
    let mut keys: Vec<&str> = Vec::new();
    for member in text.split(',').filter(|member| !member.is_empty()) {
        let (name, value) = member.split_once('=')?;
        let name = name.trim_start_matches([' ', '\t']);
        let value = value.trim_end_matches([' ', '\t']);
        if !valid_key(name) || !valid_value(value) || keys.contains(&name) || keys.len() == 32 {
            return None;
        }
        keys.push(name);
        if name == key {
            found = Some(value);
        }
    }
    found
}

fn otel<'a>(value: &'a str, state: &mut TraceState<'a>) -> Option<()> {
    if value.len() > 256 {
        return None;
    }
    for field in value.split(';') {
        let (key, value) = field.split_once(':')?;
        let first = key
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase());
        let rest = key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        if !first || !rest || !value.bytes().all(allowed) {
            return None;
        }
        match key {
            "rv" if value.len() == 14 => {
                threshold::hex(value)?;
                state.randomness = Some(value);
            }
            "th" => state.threshold = Some((threshold::parse(value)?, value)),
            "rv" => return None,
            _ => state.extra.push((key, value)),
        }
    }
    Some(())
}

fn valid_key(key: &str) -> bool {
    let plain = |text: &str| {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase()
                || byte.is_ascii_digit()
                || matches!(byte, b'_' | b'-' | b'*' | b'/')
        };
        text.bytes().all(allowed)
    };
    let letter = |text: &str| {
        text.bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_lowercase())
    };
    match key.split_once('@') {
        Some((tenant, system)) => {
            let first = tenant.bytes().next();
            tenant.len() <= 241
                && system.len() <= 14
                && first.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
                && letter(system)
                && plain(tenant)
                && plain(system)
        }
        None => key.len() <= 256 && letter(key) && plain(key),
    }
}

fn valid_value(value: &str) -> bool {
    let allowed = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=256).contains(&value.len()) && !value.ends_with(' ') && value.bytes().all(allowed)
}

impl TraceState<'_> {
    /// Writes it with sampling information; digits of the threshold without their trailing zeros.
    pub fn write(&self, out: &mut String, randomness: Option<&str>, threshold: Option<&str>) {
        let own = randomness
            .map(|digits| ("rv", digits))
            .into_iter()
            .chain(threshold.map(|digits| ("th", digits)));
        for (place, (key, value)) in own.chain(self.extra.iter().copied()).enumerate() {
            out.push_str(if place == 0 { "ot=" } else { ";" });
            out.push_str(key);
            out.push(':');
            out.push_str(value);
        }
        for (key, value) in &self.members {
            if !out.is_empty() {
                out.push(',');
            }
            out.push_str(key);
            out.push('=');
            out.push_str(value);
        }
    }
}

/// The digits of a threshold: `0` keeps everything; trailing zeros are left out.
pub fn threshold_digits(threshold: u64) -> String {
    if threshold == 0 {
        return "0".to_owned();
    }
    format!("{threshold:014x}").trim_end_matches('0').to_owned()
}

/// A trace state with a threshold; `None` if it cannot be read, or has one that rejects as much already: a sampler never
/// says that more was kept than there was.
pub fn with_threshold(before: &str, threshold: u64) -> Option<String> {
    let parsed = parse(before)?;
    if parsed
        .threshold
        .is_some_and(|(known, _)| known >= threshold)
    {
        return None;
    }
    let mut state = String::new();
    parsed.write(
        &mut state,
        parsed.randomness,
        Some(&threshold_digits(threshold)),
    );
    Some(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_raised_and_never_lowered() {
        for (before, after) in [
            ("", Some("ot=th:8")),
            ("a=b", Some("ot=th:8,a=b")),
            (
                "ot=rv:00000000000001;th:4",
                Some("ot=rv:00000000000001;th:8"),
            ),
            ("ot=th:8", None),
            ("ot=th:c", None),
            ("==", None),
        ] {
            assert_eq!(
                with_threshold(before, 8 << 52).as_deref(),
                after,
                "{before}"
            );
        }
    }

    #[test]
    fn states_are_read_and_written_again() {
        let state = parse("vendor=x, ot=th:8;k:v;rv:0123456789abcd ,a@b=c").unwrap();
        assert_eq!(state.threshold, Some((8 << 52, "8")));
        assert_eq!(state.randomness, Some("0123456789abcd"));
        let mut out = String::new();
        state.write(&mut out, Some("ffffffffffffff"), Some("c"));
        assert_eq!(out, "ot=rv:ffffffffffffff;th:c;k:v,vendor=x,a@b=c");
    }

    #[test]
    fn members_are_found_by_key() {
        assert_eq!(member("a=1, b=2 ,,c=3", "b"), Some("2"));
        assert_eq!(member("a=1", "b"), None);
        assert_eq!(member("", "a"), None);
        for malformed in ["a=1,a=2", "a=1,b", "a=1,B=2", "a=1,b=", "a=1,b=c=d"] {
            assert_eq!(member(malformed, "a"), None, "{malformed}");
        }
        let most: Vec<String> = (0..32).map(|n| format!("k{n}=v")).collect();
        assert_eq!(member(&most.join(","), "k31"), Some("v"));
        assert_eq!(member(&format!("{},x=y", most.join(",")), "k31"), None);
    }

    #[test]
    fn malformed_states_are_refused() {
        for text in [
            "x",
            "=x",
            "A=b",
            "a=",
            "a=b=c",
            "a=\u{e9}",
            "ot=th",
            "ot=th:",
            "ot=th:xyz",
            "ot=rv:12",
            "ot=;",
            "ot=th:123456789abcdef",
            "ot=th:+1",
            "a@=b",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(parse("a=b,,c=d").is_some());
    }

    #[test]
    fn threshold_digits_have_no_trailing_zeros() {
        assert_eq!(threshold_digits(0), "0");
        assert_eq!(threshold_digits(8 << 52), "8");
        assert_eq!(threshold_digits(0x4000 << 40), "4");
        assert_eq!(threshold_digits(1), "00000000000001");
    }
}
