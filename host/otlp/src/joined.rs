//! What is left of a batch's parts, in one piece again.

use bytes::Bytes;

use crate::request::Request;

/// What is left of a batch.
#[derive(Clone, Debug)]
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
    /// How much of the batch has been gone through.
    taken: usize,
    /// What is left of that, once something is not as it came.
    out: Option<Vec<u8>>,
    items: usize,
}

impl Joined {
    /// For a batch of these bytes, of which nothing has been gone through yet.
    pub fn new(batch: Bytes) -> Self {
        Joined {
            batch,
            taken: 0,
            out: None,
            items: 0,
        }
    }

    /// By how many bytes what is left exceeds what has been gone through.
    pub(crate) fn grown(&self) -> u64 {
        let out = self.out.as_ref().map_or(0, Vec::len);
        out.saturating_sub(self.taken) as u64
    }

    /// The next part stays as it came.
    pub(crate) fn keep(&mut self, part: &Request) {
        if let Some(out) = &mut self.out {
            out.extend_from_slice(&part.bytes);
        }
        self.taken += part.bytes.len();
        self.items += part.item_count();
    }

    /// Nothing is left of the next part.
    pub fn leave_out(&mut self, part: &Request) {
        self.change(part, 0, 0);
    }

    /// The next part becomes other bytes, with so many items.
    pub fn put(&mut self, part: &Request, bytes: &[u8], items: usize) {
        self.change(part, bytes.len(), items)
            .extend_from_slice(bytes);
    }

    /// The next part becomes so many bytes with so many items, to be written behind those that are returned.
    pub(crate) fn change(&mut self, part: &Request, length: usize, items: usize) -> &mut Vec<u8> {
        let before = self.taken;
        self.taken += part.bytes.len();
        self.items += items;
        let (batch, taken) = (&self.batch, self.taken);
        let out = self.out.get_or_insert_with(|| {
            // Room for what the other parts will be if they shrink as this one does. That one grows says nothing of them.
            let (so_far, all) = ((before + length) as u64, batch.len() as u64);
            let room = (so_far * all / (taken as u64).max(1)).min(all);
            let mut out = Vec::with_capacity(room as usize);
            out.extend_from_slice(batch.get(..before).unwrap_or(&[]));
            out
        });
        out.reserve(length);
        out
    }

    /// Returns all of it.
    pub fn finish(self) -> Spliced {
        Spliced {
            bytes: self.out.map_or(self.batch, Bytes::from),
            items: self.items,
        }
    }
}
