//! Token buckets, as Go's `rate.Limiter` keeps them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// A bucket that starts full, and is filled steadily.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    tokens: f64,
    /// When it was last filled, ns since 1970; 0: never.
    filled: u64,
}

/// How fast buckets are filled, and how much they hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub per_second: f64,
    pub burst: f64,
}

impl Rate {
    /// Twice a second's worth at most, where nothing else is asked for.
    pub(crate) fn new(per_second: i64, burst: i64) -> Self {
        let per_second = per_second as f64;
        Rate {
            per_second,
            burst: match burst > 0 {
                true => burst as f64,
                false => per_second * 2.0,
            },
        }
    }
}

impl Bucket {
    pub(crate) fn full(rate: Rate) -> Self {
        Bucket {
            tokens: rate.burst,
            filled: 0,
        }
    }

    /// Takes tokens out if there are as many.
    pub(crate) fn take(&mut self, rate: Rate, wanted: u64, now_unix_nano: u64) -> bool {
        let since = match self.filled {
            0 => 0,
            filled => now_unix_nano.saturating_sub(filled),
        };
        let tokens = (self.tokens + since as f64 / 1e9 * rate.per_second).min(rate.burst);
        let is_allowed = wanted as f64 <= tokens;
        if is_allowed {
            self.tokens = tokens - wanted as f64;
            self.filled = now_unix_nano;
        } else if self.filled == 0 {
            self.filled = now_unix_nano;
        }
        is_allowed
    }
}

/// How many values of an attribute have a bucket of their own; those that come later share one.
pub(crate) const MAX_KEYS: usize = 10_000;

/// The numbers of an attribute's values: 0 for traces that have none.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    numbers: HashMap<Box<[u8]>, u32>,
}

impl Keys {
    /// All values, each with its kind in front, in the order of their numbers.
    pub(crate) fn in_order(&self) -> Vec<Vec<u8>> {
        let mut values: Vec<_> = self.numbers.iter().collect();
        values.sort_unstable_by_key(|(_, number)| **number);
        values
            .into_iter()
            .map(|(value, _)| value.to_vec())
            .collect()
    }

    /// Takes over the values of another instance.
    pub(crate) fn restore(&mut self, values: &[Vec<u8>]) {
        let numbered = values.iter().take(MAX_KEYS).zip(1..);
        let numbered = numbered.map(|(value, number)| (value.as_slice().into(), number));
        self.numbers = numbered.collect();
    }

    /// The number of a value, with the kind of value in front.
    pub(crate) fn number(&mut self, kind: u8, value: &[u8]) -> u32 {
        let mut key = Vec::with_capacity(value.len() + 1);
        key.push(kind);
        key.extend_from_slice(value);
        let next = self.numbers.len() as u32 + 1;
        match self.numbers.get(key.as_slice()) {
            Some(number) => *number,
            None if self.numbers.len() < MAX_KEYS => {
                self.numbers.insert(key.into(), next);
                next
            }
            None => next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_bucket_holds_its_burst_and_fills_steadily() {
        let rate = Rate::new(10, 0);
        let mut bucket = Bucket::full(rate);
        assert!(!bucket.take(rate, 21, SECOND), "more than it ever holds");
        assert!(bucket.take(rate, 20, SECOND));
        assert!(!bucket.take(rate, 1, SECOND));
        assert!(!bucket.take(rate, 6, SECOND + SECOND / 2));
        assert!(bucket.take(rate, 5, SECOND + SECOND / 2));
        assert!(bucket.take(rate, 20, 100 * SECOND), "it is full again");
        assert!(
            !bucket.take(rate, 1, 0),
            "time that runs backwards adds nothing"
        );
    }

    #[test]
    fn values_have_numbers_of_their_own_up_to_a_limit() {
        let mut keys = Keys::default();
        assert_eq!(
            (
                keys.number(1, b"a"),
                keys.number(1, b"b"),
                keys.number(3, b"a")
            ),
            (1, 2, 3)
        );
        assert_eq!(keys.number(1, b"a"), 1);
        for n in 0..MAX_KEYS as u32 {
            keys.number(3, &n.to_le_bytes());
        }
        let last = MAX_KEYS as u32 + 1;
        assert_eq!((keys.number(1, b"x"), keys.number(1, b"y")), (last, last));
        assert_eq!(keys.number(1, b"b"), 2);
    }
}
