//! Durations as Go writes them: `1m30s`, `2.5s`, `100ms`; plain numbers are nanoseconds.

use serde::Deserialize;

/// A duration of the settings, in ns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "Raw")]
pub struct Duration(pub i64);

#[cfg(feature = "schema")]
impl serde::Serialize for Duration {
    /// As people write it, for the defaults in a schema.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let units = [
            ("h", 3_600_000_000_000),
            ("s", 1_000_000_000),
            ("ms", 1_000_000),
            ("us", 1_000),
        ];
        let fits = |(name, unit): &(&str, i64)| self.0 % unit == 0 && (self.0 != 0 || *name == "s");
        let (name, unit) = units.into_iter().find(fits).unwrap_or(("ns", 1));
        serializer.collect_str(&format_args!("{}{name}", self.0 / unit))
    }
}

#[derive(Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "expected a duration such as \"15s\" or \"100ms\""
)]
enum Raw {
    Nanoseconds(i64),
    Text(String),
}

impl TryFrom<Raw> for Duration {
    type Error = String;

    fn try_from(raw: Raw) -> Result<Self, String> {
        match raw {
            Raw::Nanoseconds(nanoseconds) => Ok(Duration(nanoseconds)),
            Raw::Text(text) => parse_duration(&text).map(Duration).ok_or_else(|| {
                format!("{text:?} is no duration; write one such as \"15s\" or \"100ms\"")
            }),
        }
    }
}

const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("μs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3_600e9),
];

/// A duration as Go reads it, in ns.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .filter(|&end| end > 0)?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let end = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let (_, factor) = UNITS.iter().find(|(unit, _)| *unit == &rest[..end])?;
        total += number * factor;
        rest = &rest[end..];
    }
    (!text.is_empty() && text != "-" && text != "+" && total < i64::MAX as f64)
        .then_some((sign * total).round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_go() {
        for (text, nanoseconds) in [
            ("15s", Some(15_000_000_000)),
            ("2.5s", Some(2_500_000_000)),
            ("100ms", Some(100_000_000)),
            ("1h2m3s", Some(3_723_000_000_000)),
            ("5us", Some(5_000)),
            ("7µs", Some(7_000)),
            ("0", Some(0)),
            ("-1s", Some(-1_000_000_000)),
            ("", None),
            ("5", None),
            ("s", None),
            ("5 s", None),
            ("1x", None),
        ] {
            assert_eq!(parse_duration(text), nanoseconds, "{text}");
        }
    }

    #[cfg(feature = "schema")]
    #[test]
    fn durations_are_written_in_the_largest_unit_that_fits() {
        for text in ["24h", "90s", "60s", "2500ms", "7us", "1ns", "0s", "-1s"] {
            let duration = Duration(parse_duration(text).unwrap());
            assert_eq!(serde_json::to_value(duration).unwrap(), text);
        }
    }
}
