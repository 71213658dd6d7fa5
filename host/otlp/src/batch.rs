//! A request in parts that a core's cache holds.

use bytes::Bytes;
use spanmill_model::Signal;

use crate::limits::{ELEMENTS, ItemLimits, ParseError};
use crate::malformed::{MAX_BYTES, Malformed};
use crate::request::Request;
use crate::validate::DEPTH;
use crate::wire::{DELIMITED, Reader};

/// About how many bytes make a part: with its columns it stays in the cache of a core, and the calls into plugins are
/// spread over more than a thousand spans.
const PART: usize = 640 * 1024;

/// A checked request, cut between its resources where it is large: those are a list, so what is left of the
/// parts, one behind the other, is what is left of the request.
#[derive(Clone, Debug)]
pub struct Batch {
    signal: Signal,
    bytes: Bytes,
    parts: Vec<Request>,
}

impl Batch {
    /// Checks a request to its last byte, and finds its rows.
    ///
    /// # Errors
    ///
    /// Those of [`Request::parse`].
    pub fn parse(signal: Signal, bytes: Bytes) -> Result<Self, Malformed> {
        Self::in_parts(signal, bytes, PART)
    }

    /// Like [`Batch::parse`], for a request that may hold no more than `limits`.
    ///
    /// # Errors
    ///
    /// Those of [`Request::parse_within`].
    pub fn parse_within(
        signal: Signal,
        bytes: Bytes,
        limits: &ItemLimits,
    ) -> Result<Self, ParseError> {
        Self::in_parts_within(signal, bytes, PART, limits)
    }

    /// Like [`Batch::parse`], with parts of about `about` bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Request::parse`].
    pub fn in_parts(signal: Signal, bytes: Bytes, about: usize) -> Result<Self, Malformed> {
        Self::in_parts_within(signal, bytes, about, &ItemLimits::NONE)
            .map_err(ParseError::without_limits)
    }

    fn in_parts_within(
        signal: Signal,
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
            let parsed = Request::parse_within(signal, bytes.slice(start..end), &left);
            let part = parsed.map_err(|error| match error {
                ParseError::Malformed(flaw) => ParseError::Malformed(Malformed {
                    offset: start + flaw.offset,
                    ..flaw
                }),
                ParseError::TooMany { what, .. } => ParseError::TooMany {
                    what,
                    limit: match what {
                        ELEMENTS => limits.items,
                        _ => limits.spans,
                    },
                },
            })?;
            left.spans = left.spans.saturating_sub(part.item_count());
            left.items = left.items.saturating_sub(part.element_count());
            parts.push(part);
            start = end;
        }
        Ok(Batch {
            signal,
            bytes,
            parts,
        })
    }

    /// Roughly how much memory the index takes, plus the columns of the largest part if every field is read.
    pub fn memory_bytes(&self) -> usize {
        // An element takes 8 to 16 bytes in the index; a row of columns has one or two hundred, an attribute's a third of
        // that, and a number of a list, once in an array, up to 13.
        let row = match self.signal {
            Signal::Traces | Signal::Logs => 100,
            Signal::Metrics => 200,
        };
        let index = self.parts.iter().map(|part| part.element_count() * 16);
        let columns = self.parts.iter().map(|part| {
            (part.item_count() * row)
                .saturating_add(part.element_count() * 40)
                .saturating_add(part.index.numbers * 13)
                .saturating_add(part.bytes().len())
        });
        index
            .sum::<usize>()
            .saturating_add(columns.max().unwrap_or(0))
    }

    /// What it carries.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The request as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many spans, log records or data points there are.
    pub fn item_count(&self) -> usize {
        self.parts.iter().map(Request::item_count).sum()
    }

    /// The parts, in order; there is at least one.
    pub fn parts(&self) -> &[Request] {
        &self.parts
    }
}

/// Where the parts of a request end; the last ends with the request. Malformed bytes are left for the part they are in.
fn ends(bytes: &[u8], about: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut reader = Reader::new(bytes, 0, bytes.len());
    let mut start = 0;
    // A rest of less than half a part joins the one before it.
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
