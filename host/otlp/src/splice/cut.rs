//! Ranges of a request, and what stands there instead.

use crate::wire::{DELIMITED, put_tag, put_varint};

/// A range of the request, and what stands there instead.
pub(super) struct Cut {
    pub(super) start: u32,
    pub(super) rank: Rank,
    pub(super) end: u32,
    pub(super) new: New,
}

/// Which of several cuts at one place comes first: the innermost insertion, then those of the messages around it,
/// then what begins here.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Rank {
    /// Into an event, link or data point.
    Innermost,
    /// Into what holds a metric's data points.
    Body,
    /// Into a span, log record or metric.
    Row,
    /// The beginning of a resource or scope that was not sent.
    MissingHead,
    /// Into a resource or scope.
    Head,
    Begins,
}

/// What stands where something was cut out.
pub(super) enum New {
    Nothing,
    /// A range of the arena.
    Arena(u32, u32),
    /// The tag of a message field of this number, and the message's length.
    Head(u32, u32),
}

impl Cut {
    pub(super) fn order(&self) -> u64 {
        u64::from(self.start) << 8 | self.rank as u64
    }
}

/// Copies the request around the cuts. A cut inside one that came before (a patch in a scope that is gone) is left out.
#[inline(never)]
pub(super) fn write(bytes: &[u8], arena: &[u8], cuts: &[Cut], out: &mut Vec<u8>) {
    let mut at = 0u32;
    for cut in cuts {
        if cut.start < at || cut.end < at {
            continue;
        }
        out.extend_from_slice(bytes.get(at as usize..cut.start as usize).unwrap_or(&[]));
        match cut.new {
            New::Nothing => {}
            New::Arena(from, to) => {
                out.extend_from_slice(arena.get(from as usize..to as usize).unwrap_or(&[]));
            }
            New::Head(number, length) => {
                put_tag(out, number, DELIMITED);
                put_varint(out, u64::from(length));
            }
        }
        at = cut.end;
    }
    out.extend_from_slice(bytes.get(at as usize..).unwrap_or(&[]));
}
