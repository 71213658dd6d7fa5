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

/// The numbers of some cuts in the order in which they are made: by place, then by rank, then as they come.
pub(super) fn in_order(cuts: &[Cut]) -> Vec<u32> {
    // What is sorted is as small as can be: there are several cuts a row.
    let place = |cut: &Cut| u64::from(cut.start) << 3 | cut.rank as u64;
    let numbers = 0..cuts.len() as u32;
    if cuts.is_sorted_by_key(place) {
        return numbers.collect();
    }
    // 29 bits are enough for the numbers of all but huge batches.
    if cuts.len() < 1 << 29 {
        let keys = cuts.iter().zip(numbers);
        let mut keys: Vec<u64> = keys
            .map(|(cut, number)| place(cut) << 29 | u64::from(number))
            .collect();
        // Fast where they are in order for a while, as those of one write are.
        keys.sort();
        return keys
            .into_iter()
            .map(|key| (key & ((1 << 29) - 1)) as u32)
            .collect();
    }
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_by_key(|&at| cuts.get(at as usize).map(place));
    numbers
}

/// Copies the request around the cuts. A cut inside one that came before (a patch in a scope that is gone) is left out.
#[inline(never)]
pub(super) fn write<'c>(
    bytes: &[u8],
    arena: &[u8],
    cuts: impl Iterator<Item = &'c Cut>,
    out: &mut Vec<u8>,
) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_are_made_by_place_then_by_rank_then_as_they_come() {
        let cut = |(start, rank)| Cut {
            start,
            rank,
            end: start,
            new: New::Nothing,
        };
        let cuts: Vec<Cut> = [
            (4, Rank::Begins),
            (u32::MAX, Rank::Row),
            (4, Rank::Row),
            (9, Rank::Head),
            (4, Rank::Row),
            (0, Rank::Begins),
            (4, Rank::Innermost),
        ]
        .into_iter()
        .map(cut)
        .collect();
        assert_eq!(in_order(&cuts), [5, 6, 2, 4, 0, 3, 1]);
        assert_eq!(in_order(&cuts[..1]), [0]);
        assert!(in_order(&[]).is_empty());
    }
}
