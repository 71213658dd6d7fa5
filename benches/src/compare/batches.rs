//! The batches that are sent, encoded beforehand.

use bytes::Bytes;

use crate::spans;

/// How many spans the batches of a set have together, where that makes more than a few: enough that no cache of
/// the contestants knows them all.
const SPANS: usize = 32_768;

/// What a set of batches is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Bytes a span, about.
    pub bytes: usize,
    /// Spans a batch.
    pub spans: usize,
}

/// Batches to be sent in turn.
pub struct Batches {
    pub shape: Shape,
    pub encoded: Vec<Bytes>,
}

impl Batches {
    pub fn new(shape: Shape) -> Self {
        let number = (SPANS / shape.spans).clamp(8, 1024);
        let encoded = (0..number)
            .map(|seed| spans::sized(shape.spans, seed as u64, shape.bytes))
            .collect();
        Batches { shape, encoded }
    }

    /// The n-th batch of an endless row.
    pub fn get(&self, number: usize) -> Bytes {
        self.encoded[number % self.encoded.len()].clone()
    }

    /// What a span takes on the wire, on average.
    pub fn bytes_a_span(&self) -> f64 {
        let bytes: usize = self.encoded.iter().map(Bytes::len).sum();
        bytes as f64 / (self.encoded.len() * self.shape.spans) as f64
    }
}

/// How many spans a request has, without decoding it. None if it is not one.
pub fn spans_in(request: &[u8]) -> Option<u64> {
    // ResourceSpans, ScopeSpans, Span.
    count(request, &[1, 2, 2])
}

fn count(mut message: &[u8], path: &[u64]) -> Option<u64> {
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
        if key >> 3 == *wanted {
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
