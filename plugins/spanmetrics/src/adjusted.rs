//! How many spans a sampled span stands for, from the threshold in its trace state (`ot=th:..`).

/// Twice to the power of 56: all randomness there is.
const ALL: u64 = 1 << 56;

/// Reads thresholds, and rounds what is no whole number up or down by chance, so that sums come out right.
#[derive(Debug)]
pub(crate) struct Adjusted(u64);

impl Default for Adjusted {
    fn default() -> Self {
        Adjusted(0x9e37_79b9_7f4a_7c15)
    }
}

/// The share of randomness that was kept, of [`ALL`]; `None` if the trace state says nothing valid.
pub(crate) fn kept(trace_state: &str) -> Option<u64> {
    if trace_state.len() > 1024 {
        return None;
    }
    let mut threshold = None;
    for member in trace_state.split(',') {
        let member = member.trim_matches([' ', '\t']);
        if member.is_empty() {
            continue;
        }
        let (key, value) = member.split_once('=')?;
        if key != "ot" {
            continue;
        }
        for field in value.split(';') {
            let (key, digits) = field.split_once(':')?;
            if key == "th" {
                let valid = (1..=14).contains(&digits.len())
                    && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let number = u64::from_str_radix(digits, 16).ok().filter(|_| valid)?;
                threshold = Some(number << (4 * (14 - digits.len())));
            }
        }
    }
    threshold.map(|threshold| ALL - threshold)
}

impl Adjusted {
    /// How many spans one stands for, of which `kept` of all were kept.
    pub(crate) fn count(&mut self, kept: u64) -> u64 {
        let (count, rest) = (ALL / kept.max(1), ALL % kept.max(1));
        count + u64::from(rest > 0 && self.next() % kept < rest)
    }

    /// xorshift64*: good enough to round by, and the same for the same batches.
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_become_counts() {
        let mut adjusted = Adjusted::default();
        for (state, count) in [
            ("ot=th:0", 1),
            ("ot=th:8", 2),
            ("a=b, ot=rv:00000000000000;th:c", 4),
        ] {
            assert_eq!(adjusted.count(kept(state).unwrap()), count, "{state}");
        }
        for state in [
            "",
            "a=b",
            "ot=rv:1",
            "ot=th:xyz",
            "ot=th:",
            "nonsense",
            "ot=th:123456789abcdef",
        ] {
            assert_eq!(kept(state), None, "{state}");
        }
    }

    #[test]
    fn fractions_come_out_right_on_the_whole() {
        let mut adjusted = Adjusted::default();
        // Three quarters kept: a span stands for 4/3.
        let sum: u64 = (0..30_000)
            .map(|_| adjusted.count(kept("ot=th:4").unwrap()))
            .sum();
        assert!((39_500..40_500).contains(&sum), "{sum}");
    }
}
