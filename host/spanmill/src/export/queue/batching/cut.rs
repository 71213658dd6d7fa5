//! Batches cut into smaller ones.

use std::sync::Arc;

use bytes::Bytes;
use spanmill_otlp::Request;

use super::source::{MergedBatch, Share};
use crate::export::Payload;
use crate::export::settings::BatchSizer;
use spanmill_model::Signal;

/// Parts that a request is cut into in one go: each costs a look at all of it.
const AT_ONCE: usize = 16;
/// Requests from this size on are cut off the async threads.
const BLOCKING_FROM: usize = 64 * 1024;

/// Cuts a batch into some of at most `max` items or bytes; what cannot be cut stays whole.
pub(super) async fn cut(batch: MergedBatch, sizer: BatchSizer, max: u64) -> Vec<MergedBatch> {
    let Payload {
        signal,
        bytes,
        metadata,
        ..
    } = batch.payload.clone();
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    let run = move || {
        let mut pieces = Vec::new();
        pieces_of(signal, bytes, sizer, max, &mut pieces);
        pieces
    };
    let pieces = match batch.payload.bytes.len() < BLOCKING_FROM {
        true => run(),
        false => tokio::task::spawn_blocking(run).await.unwrap_or_default(),
    };
    // What a failure left out is sent whole.
    let cut: u64 = pieces.iter().map(|piece| piece.items).sum();
    if pieces.len() < 2 || cut != batch.payload.items {
        return vec![batch];
    }
    let mut shares = Shares(batch.shares);
    let last = pieces.len().saturating_sub(1);
    let pieces = pieces.into_iter().enumerate();
    pieces
        .map(|(place, piece)| MergedBatch {
            payload: Payload {
                signal,
                bytes: piece.bytes,
                items: piece.items,
                metadata: metadata.clone(),
                received_unix_nano: batch.payload.received_unix_nano,
                trace: batch.payload.trace.clone(),
            },
            shares: match place == last {
                true => std::mem::take(&mut shares.0),
                false => shares.take(piece.items),
            },
        })
        .collect()
}

struct Piece {
    bytes: Bytes,
    items: u64,
}

fn pieces_of(signal: Signal, bytes: Bytes, sizer: BatchSizer, max: usize, out: &mut Vec<Piece>) {
    // It was checked when it came.
    let Ok(request) = Request::parse(signal, bytes.clone()) else {
        return;
    };
    let items = request.item_count();
    let parts = match sizer {
        BatchSizer::Items => items.div_ceil(max.max(1)),
        BatchSizer::Bytes => bytes.len().div_ceil(max.max(1)).min(items),
    };
    if parts < 2 {
        out.push(Piece {
            bytes,
            items: items as u64,
        });
        return;
    }
    let per_part = match sizer {
        BatchSizer::Items => max.max(1),
        BatchSizer::Bytes => items.div_ceil(parts),
    };
    // A whole number of parts, so that all but the last are full.
    let per_piece = per_part.saturating_mul(parts.div_ceil(AT_ONCE));
    for part in request.split(per_piece) {
        let is_small = match sizer {
            BatchSizer::Items => part.items <= max,
            BatchSizer::Bytes => part.bytes.len() <= max || part.items < 2,
        };
        match is_small {
            true => out.push(Piece {
                bytes: part.bytes,
                items: part.items as u64,
            }),
            false => pieces_of(signal, part.bytes, sizer, max, out),
        }
    }
}

/// Of whom the items are that are not in a batch yet.
struct Shares(Vec<Share>);

impl Shares {
    /// Those of the next items.
    fn take(&mut self, mut items: u64) -> Vec<Share> {
        let mut taken = Vec::new();
        let mut whole = 0usize;
        for share in &mut self.0 {
            if share.items > items {
                if items > 0 {
                    taken.push(Share {
                        source: Arc::clone(&share.source),
                        items,
                    });
                    share.items = share.items.saturating_sub(items);
                }
                break;
            }
            items = items.saturating_sub(share.items);
            whole = whole.saturating_add(1);
        }
        let mut all: Vec<Share> = self.0.drain(..whole).collect();
        all.append(&mut taken);
        all
    }
}
