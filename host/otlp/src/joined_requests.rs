//! Several requests as one batch: OTLP requests are joined by putting their bytes one after the other.

use bytes::{Bytes, BytesMut};
use spanmill_model::Signal;

use crate::batch::Batch;
use crate::index::Entry;
use crate::limits::{ItemLimits, ParseError};
use crate::validate::DEPTH;
use crate::wire::Reader;

/// Requests that are one batch.
#[derive(Clone, Debug)]
pub struct JoinedRequests {
    /// The batch.
    pub batch: Batch,
    /// How many items each request has.
    pub items: Vec<usize>,
    /// Each request's own bytes, which are those of the batch.
    pub requests: Vec<Bytes>,
}

impl JoinedRequests {
    /// Checks requests of one signal, together, against the limits of a single one.
    ///
    /// # Errors
    ///
    /// The number of a request that cannot be joined with the others: one that is malformed, or the one that exceeds the limits.
    /// What is wrong with it, [`Batch::parse_within`] says.
    pub fn parse(signal: Signal, requests: &[Bytes], limits: &ItemLimits) -> Result<Self, usize> {
        let length = requests.iter().map(Bytes::len).sum();
        let mut joined = BytesMut::with_capacity(length);
        let mut ends = Vec::with_capacity(requests.len());
        for (number, request) in requests.iter().enumerate() {
            // A field that is cut off would take what follows it from the next request.
            if !ends_with_a_field(request) {
                return Err(number);
            }
            joined.extend_from_slice(request);
            ends.push(joined.len());
        }
        let joined = joined.freeze();
        let batch = Batch::parse_within(signal, joined.clone(), limits).map_err(|error| {
            let offset = match error {
                ParseError::Malformed(flaw) => flaw.offset,
                ParseError::TooMany { .. } => length,
            };
            let at = ends.partition_point(|end| *end <= offset);
            at.min(requests.len().saturating_sub(1))
        })?;
        let mut start = 0;
        let (mut items, mut own) = (
            Vec::with_capacity(ends.len()),
            Vec::with_capacity(ends.len()),
        );
        let mut before = 0;
        for end in ends {
            let until = items_before(&batch, end);
            items.push(until.saturating_sub(before));
            own.push(joined.slice(start..end));
            (before, start) = (until, end);
        }
        Ok(JoinedRequests {
            batch,
            items,
            requests: own,
        })
    }
}

/// How many items begin before a position.
fn items_before(batch: &Batch, position: usize) -> usize {
    let mut start = 0_usize;
    let mut items = 0;
    for part in batch.parts() {
        let within = position.saturating_sub(start);
        let begins_before = |item: &Entry| (item.start as usize) < within;
        items += part.index.items.partition_point(begins_before);
        start += part.bytes().len();
    }
    items
}

/// Whether the last field of a message ends where the message does.
fn ends_with_a_field(message: &[u8]) -> bool {
    let mut reader = Reader::new(message, 0, message.len());
    while !reader.is_done() {
        let stepped = reader
            .tag()
            .and_then(|(number, wire)| reader.skip(number, wire, DEPTH));
        if stepped.is_err() {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests;
