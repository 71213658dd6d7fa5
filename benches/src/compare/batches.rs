//! The batches that are sent, encoded beforehand.

use bytes::Bytes;
use spanmill_otlp::Signal;

use crate::{signals, spans};

/// How many spans, log records or data points the batches of a set have together, where that makes more than a few:
/// enough that no cache of the contestants holds them all.
const ITEMS: usize = 32_768;

/// What a set of batches is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub signal: Signal,
    /// Bytes an item, about. Log records and data points come in one size.
    pub bytes: usize,
    /// Spans, log records or data points a batch.
    pub items: usize,
}

/// Batches to be sent in turn.
pub struct Batches {
    pub shape: Shape,
    pub encoded: Vec<Bytes>,
}

impl Batches {
    pub fn new(shape: Shape) -> Self {
        let number = (ITEMS / shape.items).clamp(8, 1024) as u64;
        let encoded = |seed| match shape.signal {
            Signal::Traces => spans::sized(shape.items, seed, shape.bytes),
            signal => signals::encoded(signal, shape.items, seed),
        };
        let encoded = (0..number).map(encoded).collect();
        Batches { shape, encoded }
    }

    /// The n-th batch of an endless row.
    pub fn get(&self, number: usize) -> Bytes {
        self.encoded[number % self.encoded.len()].clone()
    }

    /// What an item takes on the wire, on average.
    pub fn bytes_an_item(&self) -> f64 {
        let bytes: usize = self.encoded.iter().map(Bytes::len).sum();
        bytes as f64 / (self.encoded.len() * self.shape.items) as f64
    }
}

/// Returns how many spans, log records or data points a request has, or `None` if it is not one. It is not decoded.
pub fn items_in(signal: Signal, request: &[u8]) -> Option<u64> {
    match signal {
        // ResourceSpans, ScopeSpans, Span; the same fields of logs.
        Signal::Traces | Signal::Logs => count(request, &[&[1], &[2], &[2]]),
        // ResourceMetrics, ScopeMetrics, Metric; gauge, sum, both histograms or summary; data points.
        Signal::Metrics => count(request, &[&[1], &[2], &[2], &[5, 7, 9, 10, 11], &[1]]),
    }
}

/// Counts the messages at the end of a path, each step of which is any of some fields.
fn count(mut message: &[u8], path: &[&[u64]]) -> Option<u64> {
    let Some((wanted, deeper)) = path.split_first() else {
        return Some(1);
    };
    let mut found = 0;
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let skipped = match key & 7 {
            0 => {
                varint(&mut message)?;
                0
            }
            1 => 8,
            2 => usize::try_from(varint(&mut message)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (field, rest) = message.split_at_checked(skipped)?;
        message = rest;
        if wanted.contains(&(key >> 3)) {
            found += count(field, deeper)?;
        }
    }
    Some(found)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first()?;
        *message = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_have_as_many_items_as_were_asked_for() {
        for signal in Signal::ALL {
            for count in [1, 10, 100, 1000] {
                let request = signals::encoded(signal, count, 3);
                assert_eq!(items_in(signal, &request), Some(count as u64));
            }
            assert_eq!(items_in(signal, b"no request"), None);
        }
    }
}
