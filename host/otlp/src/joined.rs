//! What is left of a batch's parts, in one piece again.

use bytes::Bytes;

use crate::request::Request;

/// What is left of a batch.
#[derive(Clone, Debug, Default)]
pub struct Spliced {
    /// An export request; the very bytes that came in if nothing was changed.
    pub bytes: Bytes,
    /// How many spans, log records or data points it holds.
    pub items: usize,
}

/// What is left of a batch, put together part by part.
#[derive(Debug)]
pub struct Joined {
    batch: Bytes,
    /// How many bytes the parts so far had.
    taken: usize,
    /// What is left of them; `None` as long as everything is as it came.
    out: Option<Vec<u8>>,
    items: usize,
}

impl Joined {
    /// For a batch of these bytes, before its first part.
    pub fn new(batch: Bytes) -> Self {
        Joined {
            batch,
            taken: 0,
            out: None,
            items: 0,
        }
    }

    /// By how many bytes the parts so far have grown.
    pub(crate) fn grown(&self) -> u64 {
        let out = self.out.as_ref().map_or(0, Vec::len);
        out.saturating_sub(self.taken) as u64
    }

    /// Keeps the next part as it came.
    pub(crate) fn keep(&mut self, part: &Request) {
        if let Some(out) = &mut self.out {
            out.extend_from_slice(&part.bytes);
        }
        self.taken += part.bytes.len();
        self.items += part.item_count();
    }

    /// Drops the next part.
    pub fn leave_out(&mut self, part: &Request) {
        self.change(part.bytes.len(), 0, 0);
    }

    /// The next part becomes other bytes, which hold `items` items.
    pub fn put(&mut self, part: &Request, bytes: &[u8], items: usize) {
        self.change(part.bytes.len(), bytes.len(), items)
            .extend_from_slice(bytes);
    }

    /// The next part, of `came` bytes, becomes `length` bytes with `items` items, which the caller appends to the buffer
    /// returned.
    pub(crate) fn change(&mut self, came: usize, length: usize, items: usize) -> &mut Vec<u8> {
        let before = self.taken;
        self.taken += came;
        self.items += items;
        let (batch, taken) = (&self.batch, self.taken);
        let out = self.out.get_or_insert_with(|| {
            // Room for the other parts, if they shrink as this one did. Growth says nothing about them.
            let (so_far, all) = ((before + length) as u64, batch.len() as u64);
            let room = (so_far * all / (taken as u64).max(1)).min(all);
            let mut out = Vec::with_capacity(room as usize);
            out.extend_from_slice(batch.get(..before).unwrap_or(&[]));
            out
        });
        out.reserve(length);
        out
    }

    /// Returns the whole.
    pub fn finish(self) -> Spliced {
        Spliced {
            bytes: self.out.map_or(self.batch, Bytes::from),
            items: self.items,
        }
    }
}
