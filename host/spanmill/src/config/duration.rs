//! Durations as Go writes them: `1h30m`, `200ms`, `1.5s`.

use std::time::Duration;

/// Reads a duration; `None` if it is not one, is negative, or does not fit.
pub fn parse(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return None;
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let unit_end = tail
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let nanos: u32 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" | "h" => 0,
            _ => return None,
        };
        let seconds = match unit {
            "m" => 60.0,
            "h" => 3600.0,
            _ => f64::from(nanos) / 1e9,
        };
        total = total.checked_add(part(number, seconds)?)?;
        rest = tail;
    }
    Some(total)
}

fn part(number: &str, unit_seconds: f64) -> Option<Duration> {
    if let Ok(whole) = number.parse::<u32>() {
        // Exact for whole numbers: a float would turn 3s into 2.999999999s at some sizes.
        let unit = Duration::from_nanos((unit_seconds * 1e9).round() as u64);
        return unit.checked_mul(whole);
    }
    let number: f64 = number.parse().ok()?;
    Duration::try_from_secs_f64(number * unit_seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        let cases = [
            ("0", Some(0)),
            ("200ms", Some(200_000_000)),
            ("1.5s", Some(1_500_000_000)),
            ("1h30m", Some(5_400_000_000_000)),
            ("2us", Some(2_000)),
            ("1µs7ns", Some(1_007)),
            (".5s", Some(500_000_000)),
            ("5", None),
            ("5 s", None),
            ("-1s", None),
            ("1d", None),
            ("s", None),
            ("", None),
            ("99999999999999999999h", None),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text).map(|d| d.as_nanos()), nanos, "{text}");
        }
    }
}
