//! Durations as Go writes them.

use std::time::Duration;

/// A duration as `time.Duration.String` has it: `1h2m3.5s`, `1.5ms`, `0s`.
pub(super) fn go_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let (unit, name): (u128, &str) = match nanos {
        0 => return "0s".to_owned(),
        1..=999 => (1, "ns"),
        1_000..=999_999 => (1_000, "µs"),
        1_000_000..=999_999_999 => (1_000_000, "ms"),
        _ => {
            let seconds = duration.as_secs();
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            let mut text = String::new();
            if hours > 0 {
                text.push_str(&format!("{hours}h"));
            }
            if hours > 0 || minutes > 0 {
                text.push_str(&format!("{minutes}m"));
            }
            let rest =
                u128::from(seconds % 60) * 1_000_000_000 + u128::from(duration.subsec_nanos());
            return text + &decimal(rest, 1_000_000_000) + "s";
        }
    };
    decimal(nanos, unit) + name
}

/// A number of nanoseconds in a unit, without zeros at the end.
fn decimal(nanos: u128, unit: u128) -> String {
    let digits = unit.ilog10() as usize;
    let text = format!("{}.{:0digits$}", nanos / unit, nanos % unit);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (245_000_000_000, "4m5s"),
            (245_001_000_000, "4m5.001s"),
            (18_367_001_000_000, "5h6m7.001s"),
            (10_000_000_000, "10s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            assert_eq!(go_duration(Duration::from_nanos(nanos)), text);
        }
    }
}
