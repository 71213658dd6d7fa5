//! Rejection thresholds of 56 bits: an item is kept if its randomness is not below.

/// Above every threshold that keeps anything.
pub const NEVER: u64 = 1 << 56;

/// The smallest share that 56 bits of randomness can express.
pub const SMALLEST: f64 = 1.0 / NEVER as f64;

/// The threshold of a share, with so many significant hex digits; `None` for a share that cannot be expressed. Shares
/// near 0 and 1 get more digits, one for each that says nothing.
pub fn of_share(share: f64, digits: i64) -> Option<u64> {
    if !(SMALLEST..=1.0).contains(&share) {
        return None;
    }
    if share == 1.0 {
        return Some(0);
    }
    let more = |share: f64| digits + -exponent(share) / 4;
    let digits = more(share).max(more(1.0 - share)).min(14);
    let mut threshold = NEVER - (share * NEVER as f64).round() as u64;
    let shift = 4 * (14 - digits);
    if shift > 0 {
        let half = 1u64 << (shift - 1);
        threshold = (threshold + half) >> shift << shift;
    }
    Some(threshold)
}

/// The power of two by which a number below 1 is from 0.5 to below 1.
fn exponent(number: f64) -> i64 {
    (number.to_bits() >> 52 & 0x7ff) as i64 - 1022
}

/// The threshold that hex digits say, trailing zeros left out; `None` if they say none.
pub fn parse(digits: &str) -> Option<u64> {
    match digits.len() {
        1..=14 => Some(hex(digits)? << (4 * (14 - digits.len()))),
        _ => None,
    }
}

/// The number that hex digits say.
pub fn hex(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u64::from_str_radix(digits, 16).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace_state::threshold_digits;

    /// Shares and digits as OpenTelemetry's specification of consistent sampling has them.
    #[test]
    fn shares_are_thresholds() {
        for (share, digits, expected) in [
            (1.0, 4, "0"),
            (0.5, 4, "8"),
            (0.25, 4, "c"),
            (0.1, 4, "e666"),
            (0.01, 4, "fd70a"),
            (0.99, 4, "028f6"),
            (0.1, 14, "e6666666666666"),
        ] {
            let threshold = of_share(share, digits).unwrap();
            assert_eq!(threshold_digits(threshold), expected, "{share}");
            assert_eq!(parse(expected), Some(threshold));
        }
        for share in [0.0, -0.5, 1.5, 1e-20, f64::NAN] {
            assert_eq!(of_share(share, 4), None);
        }
        for digits in ["", "+1", "0x1", "123456789abcdef", "g"] {
            assert_eq!(parse(digits), None, "{digits}");
        }
    }
}
