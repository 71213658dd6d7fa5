//! A request in parts that a core's cache holds, and what is left of them in one piece again.

use bytes::Bytes;

use crate::index::{MAX_BYTES, Malformed, Request};
use crate::limits::{ItemLimits, ParseError, SPANS};
use crate::validate::DEPTH;
use crate::wire::{DELIMITED, Reader};
use crate::workspace::Spliced;

/// About so many bytes make a part: with its columns it stays in the cache of a core, and the calls into plugins are
/// spread over more than a thousand spans.
const PART: usize = 640 * 1024;

/// A checked request, cut between its `ResourceSpans` where it is large: those are a list, so what is left of the
/// parts, one behind the other, is what is left of the request.
#[derive(Debug)]
pub struct Batch {
    bytes: Bytes,
    parts: Vec<Request>,
}

impl Batch {
    /// Checks a request to its last byte, and finds its spans.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        Self::in_parts(bytes, PART)
    }

    /// The same of a request that may hold only so much.
    pub fn parse_within(bytes: Bytes, limits: &ItemLimits) -> Result<Self, ParseError> {
        Self::in_parts_within(bytes, PART, limits)
    }

    /// The same with parts of about so many bytes.
    pub fn in_parts(bytes: Bytes, about: usize) -> Result<Self, Malformed> {
        let parsed = Self::in_parts_within(bytes, about, &ItemLimits::NONE);
        parsed.map_err(|error| match error {
            ParseError::Malformed(malformed) => malformed,
            // There are no limits.
            ParseError::TooMany { .. } => Malformed::too_large(),
        })
    }

    fn in_parts_within(
        bytes: Bytes,
        about: usize,
        limits: &ItemLimits,
    ) -> Result<Self, ParseError> {
        if bytes.len() > MAX_BYTES {
            return Err(Malformed::too_large().into());
        }
        let mut parts = Vec::with_capacity(bytes.len() / about.max(1) + 1);
        let mut left = *limits;
        let mut start = 0;
        for end in ends(&bytes, about) {
            let parsed = Request::parse_within(bytes.slice(start..end), &left);
            let part = parsed.map_err(|error| match error {
                ParseError::Malformed(flaw) => ParseError::Malformed(Malformed {
                    offset: start + flaw.offset,
                    ..flaw
                }),
                ParseError::TooMany { what, .. } => ParseError::TooMany {
                    what,
                    limit: match what {
                        SPANS => limits.spans,
                        _ => limits.items,
                    },
                },
            })?;
            left.spans = left.spans.saturating_sub(part.span_count());
            left.items = left.items.saturating_sub(part.item_count());
            parts.push(part);
            start = end;
        }
        Ok(Batch { bytes, parts })
    }

    /// About how much memory the index takes, and the columns of the largest part if every field is read.
    pub fn memory_bytes(&self) -> usize {
        // An item takes 8 to 16 bytes in the index; a row of columns has about a hundred, an attribute's a third of that.
        let index: usize = self.parts.iter().map(|part| part.item_count() * 16).sum();
        let columns = self.parts.iter().map(|part| {
            (part.span_count() * 100)
                .saturating_add(part.item_count() * 40)
                .saturating_add(part.bytes().len())
        });
        index.saturating_add(columns.max().unwrap_or(0))
    }

    /// The request as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many spans there are.
    pub fn span_count(&self) -> usize {
        self.parts.iter().map(Request::span_count).sum()
    }

    /// The parts, in order; there is one at least.
    pub fn parts(&self) -> &[Request] {
        &self.parts
    }
}

/// Where the parts of a request end, the last with the request. What is malformed is left to the part it is in.
fn ends(bytes: &[u8], about: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut reader = Reader::new(bytes, 0, bytes.len());
    let mut start = 0;
    // The rest is worth a part of its own from half of one on.
    while bytes.len() - start > about + about / 2 {
        let Ok((number, wire)) = reader.tag() else {
            break;
        };
        let stepped = match wire {
            DELIMITED => reader.delimited().map(drop),
            _ => reader.skip(number, wire, DEPTH),
        };
        if stepped.is_err() {
            break;
        }
        let end = reader.pos();
        if end - start >= about && bytes.len() - end >= about / 2 {
            ends.push(end);
            start = end;
        }
    }
    ends.push(bytes.len());
    ends
}

/// What is left of a batch, put together part by part.
#[derive(Debug)]
pub struct Joined {
    batch: Bytes,
    /// How much of the batch has been gone through.
    taken: usize,
    /// What is left of that, once something is not as it came.
    out: Option<Vec<u8>>,
    spans: usize,
}

impl Joined {
    /// For a batch of these bytes, of which nothing has been gone through yet.
    pub fn new(batch: Bytes) -> Self {
        Joined {
            batch,
            taken: 0,
            out: None,
            spans: 0,
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
        self.spans += part.span_count();
    }

    /// Nothing is left of the next part.
    pub fn leave_out(&mut self, part: &Request) {
        self.change(part, 0, 0);
    }

    /// The next part becomes other bytes, with so many spans.
    pub fn put(&mut self, part: &Request, bytes: &[u8], spans: usize) {
        self.change(part, bytes.len(), spans)
            .extend_from_slice(bytes);
    }

    /// The next part becomes so many bytes with so many spans, to be written behind those that are returned.
    pub(crate) fn change(&mut self, part: &Request, length: usize, spans: usize) -> &mut Vec<u8> {
        let before = self.taken;
        self.taken += part.bytes.len();
        self.spans += spans;
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
            spans: self.spans,
        }
    }
}
