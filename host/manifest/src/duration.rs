//! Durations as Go writes them: `1h30m`, `200ms`, `1.5s`.

use std::time::Duration;

use thiserror::Error;

/// Longer than anything waits, and short enough to be added to any time.
const MAX: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

/// Why a text is no duration that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DurationError {
    /// It is not one, or it is negative.
    #[error("this is not a duration")]
    NotADuration,
    /// It is longer than a century.
    #[error("this is longer than a hundred years")]
    TooLong,
}

/// Fails if a duration is longer than any that can be used.
pub fn bounded(duration: Duration) -> Result<Duration, DurationError> {
    if duration > MAX {
        return Err(DurationError::TooLong);
    }
    Ok(duration)
}

/// Reads a duration.
pub fn parse(text: &str) -> Result<Duration, DurationError> {
    use DurationError::{NotADuration, TooLong};
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(NotADuration);
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
            _ => return Err(NotADuration),
        };
        let seconds = match unit {
            "m" => 60.0,
            "h" => 3600.0,
            _ => f64::from(nanos) / 1e9,
        };
        let part = part(number, seconds)?;
        total = total.checked_add(part).ok_or(TooLong)?;
        rest = tail;
    }
    bounded(total)
}

fn part(number: &str, unit_seconds: f64) -> Result<Duration, DurationError> {
    if let Ok(whole) = number.parse::<u32>() {
        // Exact for whole numbers: a float would turn 3s into 2.999999999s at some sizes.
        let unit = Duration::from_nanos((unit_seconds * 1e9).round() as u64);
        return unit.checked_mul(whole).ok_or(DurationError::TooLong);
    }
    let number: f64 = number.parse().map_err(|_| DurationError::NotADuration)?;
    Duration::try_from_secs_f64(number * unit_seconds).map_err(|_| DurationError::TooLong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        let cases = [
            ("0", Ok(0)),
            ("200ms", Ok(200_000_000)),
            ("1.5s", Ok(1_500_000_000)),
            ("1h30m", Ok(5_400_000_000_000)),
            ("2us", Ok(2_000)),
            ("1µs7ns", Ok(1_007)),
            (".5s", Ok(500_000_000)),
            ("876000h", Ok(3_153_600_000_000_000_000)),
            ("5", Err(DurationError::NotADuration)),
            ("5 s", Err(DurationError::NotADuration)),
            ("-1s", Err(DurationError::NotADuration)),
            ("1d", Err(DurationError::NotADuration)),
            ("s", Err(DurationError::NotADuration)),
            ("", Err(DurationError::NotADuration)),
            ("1.2.3s", Err(DurationError::NotADuration)),
            ("878401h", Err(DurationError::TooLong)),
            ("4294967295h4294967295h", Err(DurationError::TooLong)),
            ("99999999999999999999h", Err(DurationError::TooLong)),
        ];
        for (text, nanos) in cases {
            assert_eq!(parse(text).map(|d| d.as_nanos()), nanos, "{text}");
        }
    }
}
