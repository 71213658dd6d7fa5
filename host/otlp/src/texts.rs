//! The text pool of a batch: every distinct text once, and who may read it.

use crate::ABSENT;
use crate::pair;

/// A place in the hash table. Generations make clearing it free.
#[derive(Clone, Copy, Default)]
struct Slot {
    generation: u32,
    hash: u32,
    index: u32,
}

/// Distinct texts, numbered as they come. Reused from batch to batch without giving memory back.
#[derive(Clone)]
pub(crate) struct Texts {
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// The stages that may read each text, a bit each.
    readers: Vec<u64>,
    slots: Vec<Slot>,
    generation: u32,
}

impl Default for Texts {
    fn default() -> Self {
        Texts {
            ends: Vec::new(),
            bytes: Vec::new(),
            readers: Vec::new(),
            slots: vec![Slot::default(); 1024],
            generation: 1,
        }
    }
}

/// A multiply-rotate hash over eight-byte words: texts are short, and the table is the batch's own.
#[inline]
fn hash(bytes: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = (bytes.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = (state.rotate_left(23) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let tail = match bytes.last_chunk::<8>() {
            // Overlaps the last word; cheaper than putting the rest together.
            Some(tail) => u64::from_le_bytes(*tail),
            None => rest
                .iter()
                .fold(0, |tail, &byte| tail << 8 | u64::from(byte)),
        };
        state = (state.rotate_left(23) ^ tail).wrapping_mul(FACTOR);
    }
    (state >> 32) as u32
}

impl Texts {
    pub(crate) fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
        self.readers.clear();
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.slots.fill(Slot::default());
            self.generation = 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn ends(&self) -> &[u32] {
        &self.ends
    }

    pub(crate) fn pool(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn readers(&self) -> &[u64] {
        &self.readers
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &[u8] {
        let index = index as usize;
        let end = self.ends.get(index).copied().unwrap_or(0) as usize;
        let start = match index.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0) as usize,
            None => 0,
        };
        self.bytes.get(start..end).unwrap_or(&[])
    }

    /// Lets more stages read a text.
    #[inline]
    pub(crate) fn grant(&mut self, index: u32, readers: u64) {
        if let Some(granted) = self.readers.get_mut(index as usize) {
            *granted |= readers;
        }
    }

    /// Whether a stage may read a text.
    pub(crate) fn may_read(&self, index: u32, stage_bit: u64) -> bool {
        self.readers
            .get(index as usize)
            .is_some_and(|readers| readers & stage_bit != 0)
    }

    /// The index of a text if it is there.
    pub(crate) fn find(&self, text: &[u8]) -> Option<u32> {
        let hash = hash(text);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let slot = self.slots.get(at)?;
            if slot.generation != self.generation {
                return None;
            }
            if slot.hash == hash && self.get(slot.index) == text {
                return Some(slot.index);
            }
            at = (at + 1) & mask;
        }
    }

    /// The index of a text, added if it is new.
    #[inline]
    pub(crate) fn intern(&mut self, text: &[u8], readers: u64) -> u32 {
        let hash = hash(text);
        let mask = self.slots.len() - 1;
        let mut at = hash as usize & mask;
        while let Some(slot) = self.slots.get(at) {
            if slot.generation != self.generation {
                return self.add(text, readers, hash, at);
            }
            let index = slot.index;
            if slot.hash == hash && pair::same(self.get(index), text) {
                self.grant(index, readers);
                return index;
            }
            at = (at + 1) & mask;
        }
        ABSENT
    }

    fn add(&mut self, text: &[u8], readers: u64, hash: u32, at: usize) -> u32 {
        let index = self.ends.len() as u32;
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        self.readers.push(readers);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot {
                generation: self.generation,
                hash,
                index,
            };
        }
        if self.ends.len() * 2 > self.slots.len() {
            self.grow();
        }
        index
    }

    fn grow(&mut self) {
        let bigger = vec![Slot::default(); self.slots.len() * 2];
        let mask = bigger.len() - 1;
        for slot in std::mem::replace(&mut self.slots, bigger) {
            if slot.generation != self.generation {
                continue;
            }
            let mut at = slot.hash as usize & mask;
            while let Some(place) = self.slots.get_mut(at) {
                if place.generation != self.generation {
                    *place = slot;
                    break;
                }
                at = (at + 1) & mask;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_distinct_and_found_again_across_growth_and_batches() {
        let mut texts = Texts::default();
        for round in 0..3u64 {
            texts.clear();
            let names: Vec<String> = (0..5000)
                .map(|n| format!("{:>width$}", n, width = n % 40))
                .collect();
            let first: Vec<u32> = names
                .iter()
                .map(|name| texts.intern(name.as_bytes(), 1))
                .collect();
            let again: Vec<u32> = names
                .iter()
                .map(|name| texts.intern(name.as_bytes(), 2))
                .collect();
            assert_eq!(first, again, "round {round}");
            for (name, index) in names.iter().zip(&first) {
                assert_eq!(texts.get(*index), name.as_bytes());
                assert_eq!(texts.find(name.as_bytes()), Some(*index));
                assert!(texts.may_read(*index, 2) && !texts.may_read(*index, 4));
            }
            assert_eq!(texts.find(b"missing"), None);
        }
    }
}
