//! Numbers for texts that stay the same from batch to batch, so that series are found by numbers.

use spanmill_sdk::Batch;

/// The texts seen so far, each with a number from 1 on, and where those of the batch at hand are among them.
#[derive(Debug, Default)]
pub struct TextIds {
    /// Hash and number; number 0: free. A power of two of them.
    slots: Vec<(u32, u32)>,
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// By index into the batch's pool; 0: not looked up yet.
    known: Vec<u32>,
}

const LEAST_SLOTS: usize = 256;

impl TextIds {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many bytes they have.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Begins a batch.
    pub fn start(&mut self, batch: &Batch<'_>) {
        self.known.clear();
        self.known.resize(batch.texts.len(), 0);
    }

    /// The number of a text of the batch; 0 for [`spanmill_sdk::ABSENT`].
    #[inline]
    pub fn id(&mut self, batch: &Batch<'_>, index: u32) -> u32 {
        match self.known.get(index as usize) {
            None => 0,
            Some(0) => self.look_up(batch, index),
            Some(&id) => id,
        }
    }

    #[inline(never)]
    fn look_up(&mut self, batch: &Batch<'_>, index: u32) -> u32 {
        let id = self.intern(batch.texts.bytes(index));
        self.known[index as usize] = id;
        id
    }

    /// The text with a number; empty if no text has it.
    pub fn text(&self, id: u32) -> &[u8] {
        let place = (id as usize).wrapping_sub(1);
        let Some(&end) = self.ends.get(place) else {
            return &[];
        };
        let start = match place {
            0 => 0,
            _ => self.ends[place - 1],
        };
        &self.bytes[start as usize..end as usize]
    }

    /// The number of a text, whether it stands in the batch or not.
    pub fn intern(&mut self, text: &[u8]) -> u32 {
        if self.ends.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let hash = hash(text);
        let mut slot = hash as usize & mask;
        loop {
            let (known, id) = self.slots[slot];
            if id == 0 {
                break;
            }
            if known == hash && same(self.text(id), text) {
                return id;
            }
            slot = (slot + 1) & mask;
        }
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
        let id = self.ends.len() as u32;
        self.slots[slot] = (hash, id);
        id
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(LEAST_SLOTS);
        let old = std::mem::replace(&mut self.slots, vec![(0, 0); size]);
        for entry in old.into_iter().filter(|entry| entry.1 > 0) {
            let mut slot = entry.0 as usize & (size - 1);
            while self.slots[slot].1 > 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = entry;
        }
    }
}

/// Word by word: comparing slices is a call, in WebAssembly one that goes byte by byte.
fn same(one: &[u8], other: &[u8]) -> bool {
    let (words, others) = (one.as_chunks::<8>().0, other.as_chunks::<8>().0);
    one.len() == other.len()
        && words.iter().zip(others).all(|(a, b)| a == b)
        && last(one) == last(other)
}

/// Multiply and rotate, eight bytes at a time.
fn hash(text: &[u8]) -> u32 {
    let mix =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let words = text.as_chunks::<8>().0.iter();
    let mixed = words.fold(text.len() as u64, |hash, word| {
        mix(hash, u64::from_le_bytes(*word))
    });
    let mixed = mix(mixed, last(text));
    (mixed ^ mixed >> 32) as u32
}

/// The last eight bytes, or all of them where there are fewer.
fn last(text: &[u8]) -> u64 {
    match (
        text.last_chunk::<8>(),
        text.first_chunk::<4>(),
        text.last_chunk::<4>(),
    ) {
        (Some(word), ..) => u64::from_le_bytes(*word),
        (_, Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => text
            .iter()
            .fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_numbers() {
        let mut ids = TextIds::default();
        let texts: Vec<String> = (0..3000)
            .map(|n| format!("{:>width$}", n, width = n % 40))
            .collect();
        let first: Vec<u32> = texts
            .iter()
            .map(|text| ids.intern(text.as_bytes()))
            .collect();
        let again: Vec<u32> = texts
            .iter()
            .map(|text| ids.intern(text.as_bytes()))
            .collect();
        assert_eq!(first, (1..=3000).collect::<Vec<_>>());
        assert_eq!(first, again);
        for (id, text) in (1..).zip(&texts) {
            assert_eq!(ids.text(id), text.as_bytes());
        }
        assert!(ids.text(0).is_empty() && ids.text(3001).is_empty());
    }
}
