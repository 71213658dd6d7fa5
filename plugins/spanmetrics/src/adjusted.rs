//! How many spans a sampled span stands for, from the threshold in its trace state (`ot=th:..`).

use spanmill_sdk::{ABSENT, Texts};

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

/// The threshold of a trace state as samplers leave it behind: `ot=rv:` with 14 digits, `;th:` with some.
#[inline]
fn usual(trace_state: &[u8]) -> Option<u64> {
    let ([b'o', b't', b'=', b'r', b'v', b':'], rest) = trace_state.split_first_chunk()? else {
        return None;
    };
    let (randomness, rest) = rest.split_first_chunk::<14>()?;
    let ([b';', b't', b'h', b':'], digits) = rest.split_first_chunk()? else {
        return None;
    };
    let (high, low) = (randomness.first_chunk()?, randomness.last_chunk()?);
    let (high, low) = (u64::from_le_bytes(*high), u64::from_le_bytes(*low));
    let ends = |bytes| has(bytes, b';') | has(bytes, b',');
    if ends(high) | ends(low) {
        return None;
    }
    threshold(digits)
}

/// Whether a byte is among eight, by the one that would be zero.
#[inline]
fn has(bytes: u64, byte: u8) -> bool {
    const EACH: u64 = 0x0101_0101_0101_0101;
    let other = bytes ^ (EACH * u64::from(byte));
    other.wrapping_sub(EACH) & !other & (EACH * 0x80) != 0
}

/// The share of randomness that was kept, of [`ALL`]; `None` if the trace state says nothing valid.
pub(crate) fn kept(trace_state: &[u8]) -> Option<u64> {
    if let Some(threshold) = usual(trace_state) {
        return Some(ALL - threshold);
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
                threshold = Some(self::threshold(digits)?);
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

/// The threshold that one to fourteen digits say: those that are not there are 0.
#[inline]
fn threshold(digits: &[u8]) -> Option<u64> {
    if !(1..=14).contains(&digits.len()) {
        return None;
    }
    let number = digits.iter().try_fold(0, |number, &digit| {
        let digit = char::from(digit).to_digit(16)?;
        Some(number << 4 | u64::from(digit))
    });
    Some(number? << (4 * (14 - digits.len())))
}

impl Adjusted {
    /// How many spans each stands for by its trace state; 0: that does not say. None at all: no span has any.
    #[inline(never)]
    pub(crate) fn counts(&mut self, texts: &Texts<'_>, states: &[u32], counts: &mut Vec<u64>) {
        counts.clear();
        if states.iter().all(|&state| state == ABSENT) {
            return;
        }
        // Consecutive spans of a trace share their trace state, and the count made of it.
        let mut last = (ABSENT, 0);
        counts.extend(states.iter().map(|&state| {
            if state != last.0 {
                let kept = match state {
                    ABSENT => None,
                    _ => kept(texts.bytes(state)),
                };
                let count = kept.filter(|&kept| kept > 0).map(|kept| self.count(kept));
                last = (state, count.unwrap_or(0));
            }
            last.1
        }));
    }

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
            ("ot=rv:abcdefABCDEF+-;th:C", 4),
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
            "ot=rv:0123,456789abc;th:8",
            "ot=rv:0123456789abc;;th:8",
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
