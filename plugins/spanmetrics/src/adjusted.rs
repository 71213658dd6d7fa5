//! How many spans a sampled span stands for, from the threshold in its trace state (`ot=th:..`).

/// Twice to the power of 56: all randomness there is.
const ALL: u64 = 1 << 56;

/// Reads thresholds, and rounds what is no whole number up or down by chance, so that sums come out right.
#[derive(Debug)]
pub(crate) struct Adjusted {
    random: u64,
    /// What was divided last, with quotient and remainder: most spans of a batch were kept alike.
    last: (u64, u64, u64),
}

impl Default for Adjusted {
    fn default() -> Self {
        Adjusted {
            random: 0x9e37_79b9_7f4a_7c15,
            last: (ALL, 1, 0),
        }
    }
}

/// The share of randomness that was kept, of [`ALL`]; `None` if the trace state says nothing valid.
pub(crate) fn kept(trace_state: &[u8]) -> Option<u64> {
    // As samplers leave it behind.
    if let [b'o', b't', b'=', b'r', b'v', b':', rest @ ..] = trace_state
        && let Some((randomness, rest)) = rest.split_first_chunk::<14>()
        && let [b';', b't', b'h', b':', digits @ ..] = rest
        && randomness
            .iter()
            .fold(true, |all, byte| all & byte.is_ascii_hexdigit())
        && let Some(threshold) = hex(digits)
    {
        return Some(ALL - (threshold << (4 * (14 - digits.len()))));
    }
    if trace_state.len() > 1024 {
        return None;
    }
    let mut threshold = None;
    for member in trace_state.split(|&byte| byte == b',') {
        let member = trim(member);
        if member.is_empty() {
            continue;
        }
        let [b'o', b't', b'=', value @ ..] = member else {
            // Of another vendor, if it is a member at all.
            member.iter().position(|&byte| byte == b'=')?;
            continue;
        };
        for field in value.split(|&byte| byte == b';') {
            if let [b't', b'h', b':', digits @ ..] = field {
                threshold = Some(hex(digits)? << (4 * (14 - digits.len())));
            } else {
                field.iter().position(|&byte| byte == b':')?;
            }
        }
    }
    threshold.map(|threshold| ALL - threshold)
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    text
}

/// The number that one to fourteen digits say.
fn hex(digits: &[u8]) -> Option<u64> {
    if !(1..=14).contains(&digits.len()) {
        return None;
    }
    digits.iter().try_fold(0, |number, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(number << 4 | u64::from(digit))
    })
}

impl Adjusted {
    /// How many spans one stands for, of which `kept` of all were kept.
    pub(crate) fn count(&mut self, kept: u64) -> u64 {
        if self.last.0 != kept {
            self.last = (kept, ALL / kept.max(1), ALL % kept.max(1));
        }
        let (_, count, rest) = self.last;
        count + u64::from(rest > 0 && self.next() % kept < rest)
    }

    /// xorshift64*: good enough to round by, and the same for the same batches.
    fn next(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
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
            ("a=b,\tot=th:C ,,", 4),
            ("ot=rv:0123456789abcd;th:c", 4),
            ("ot=rv:0123456789abcd;th:8;k:v", 2),
            ("a=b, ot=rv:00000000000000;th:c", 4),
        ] {
            assert_eq!(
                adjusted.count(kept(state.as_bytes()).unwrap()),
                count,
                "{state}"
            );
        }
        for state in [
            "",
            "a=b",
            "ot=rv:1",
            "ot=th:xyz",
            "ot=th:",
            "nonsense",
            "ot=th",
            "ot=rv:0123456789abcd;th:",
            "ot=rv:0123456789abcd;th:8;x",
            "ot=rv:0123456;89abcd;th:8",
            "ot=th:8;x",
            "ot=th:8,x",
            "ot=th:+8",
            "ot=th:123456789abcdef",
        ] {
            assert_eq!(kept(state.as_bytes()), None, "{state}");
        }
    }

    #[test]
    fn fractions_come_out_right_on_the_whole() {
        let mut adjusted = Adjusted::default();
        // Three quarters kept: a span stands for 4/3.
        let sum: u64 = (0..30_000)
            .map(|_| adjusted.count(kept(b"ot=th:4").unwrap()))
            .sum();
        assert!((39_500..40_500).contains(&sum), "{sum}");
    }
}
