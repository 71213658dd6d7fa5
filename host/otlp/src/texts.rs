//! The text pool of a batch: every distinct text once, and who may read it.

use crate::pair;
use crate::window::{Seed, WIDTH, Window};

/// A text's first bytes and its length, which is all of most texts: compared without a look at the pool.
#[derive(Clone, Copy)]
struct Head {
    window: Window,
    length: u32,
}

/// A place in the hash table.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// The text's number over all batches; those of earlier batches are out of date, so that clearing is free.
    serial: u32,
    hash: u32,
}

/// What is known of a text that was looked for where it belongs: the hash, and the index of the text there if that has
/// the same hash.
#[derive(Clone, Copy, Default)]
pub(crate) struct Aim {
    hash: u32,
    index: u32,
}

/// Distinct texts, numbered as they come. Reused from batch to batch without giving memory back.
#[derive(Clone)]
pub(crate) struct Texts {
    heads: Vec<Head>,
    ends: Vec<u32>,
    /// The texts end to end, and at least a window's width of anything behind them.
    bytes: Vec<u8>,
    used: usize,
    /// The stages that may read each text, a bit each.
    readers: Vec<u64>,
    slots: Vec<Slot>,
    /// The part of `slots` that this batch uses, less one: a power of two that suits its size.
    mask: usize,
    /// With so many texts, more slots are taken into use.
    most: usize,
    /// The serial number of the first text.
    base: u32,
    seed: Seed,
    /// Rows of this batch, and texts a row in the last, in sixteenths.
    rows: usize,
    per_row: usize,
}

const LEAST_SLOTS: usize = 256;

/// How many slots some texts need: four times as many, so that nearly all stand in their own, until that
/// costs more in cache misses than it saves.
fn slots_for(texts: usize) -> usize {
    let spacious = texts * 4;
    let needed = if spacious <= 1 << 14 {
        spacious
    } else {
        (texts * 2).max(1 << 14)
    };
    needed.next_power_of_two()
}

/// For how many texts some slots are enough.
fn enough_for(slots: usize) -> usize {
    if slots < 1 << 14 {
        slots / 4
    } else {
        slots / 2
    }
}

impl Default for Texts {
    fn default() -> Self {
        Texts {
            heads: Vec::new(),
            ends: Vec::new(),
            bytes: vec![0; 2 * WIDTH],
            used: 0,
            readers: Vec::new(),
            slots: vec![Slot::default(); LEAST_SLOTS],
            mask: LEAST_SLOTS - 1,
            most: enough_for(LEAST_SLOTS),
            base: 1,
            seed: Seed::random(),
            rows: 1,
            per_row: 0,
        }
    }
}

impl Texts {
    /// Empties the pool for a batch of so many rows.
    pub(crate) fn clear(&mut self, rows: usize) {
        let count = self.ends.len();
        // A batch's serial numbers may not wrap round into each other.
        self.base = match self.base.checked_add(count as u32) {
            Some(base) if base < 1 << 31 => base,
            _ => {
                self.slots.fill(Slot::default());
                1
            }
        };
        if let Some(per_row) = (count * 16).checked_div(self.rows) {
            self.per_row = per_row + 1;
        }
        self.rows = rows;
        // Only as many slots as will be needed, so that a small batch stays in the cache.
        let most = self.slots.len();
        let wanted = slots_for((rows.saturating_mul(self.per_row) / 16).min(most));
        self.mask = wanted.clamp(LEAST_SLOTS, most) - 1;
        self.most = enough_for(self.mask + 1);
        self.heads.clear();
        self.ends.clear();
        self.used = 0;
        self.readers.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn ends(&self) -> &[u32] {
        &self.ends
    }

    pub(crate) fn pool(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or(&[])
    }

    pub(crate) fn readers(&self) -> &[u64] {
        &self.readers
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &[u8] {
        let (start, end) = self.place(index);
        self.bytes.get(start..end).unwrap_or(&[])
    }

    #[inline]
    fn place(&self, index: u32) -> (usize, usize) {
        let index = index as usize;
        let end = self.ends.get(index).copied().unwrap_or(0) as usize;
        let start = match index.checked_sub(1) {
            Some(before) => self.ends.get(before).copied().unwrap_or(0) as usize,
            None => 0,
        };
        (start, end)
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
        let window = Window::new(text, text.len());
        let hash = self.seed.hash(window, text, text.len());
        self.search(window, text, hash).ok()
    }

    /// The index of a text, added if it is new.
    pub(crate) fn intern(&mut self, text: &[u8], readers: u64) -> u32 {
        self.intern_from(text, text.len(), readers)
    }

    /// The same for the text of so many bytes that `from` begins with. Fast if `from` runs on beyond it.
    #[inline(always)]
    pub(crate) fn intern_from(&mut self, from: &[u8], length: usize, readers: u64) -> u32 {
        let aim = self.aim(from, length);
        self.hit(from, 0, length, aim, readers)
    }

    /// Where a text probably is in the pool. There is no branch on whether it is there, so that many can be aimed at
    /// without one waiting for the other's memory.
    #[inline(always)]
    pub(crate) fn aim(&self, from: &[u8], length: usize) -> Aim {
        let hash = self.seed.hash(Window::new(from, length), from, length);
        let slot = self.slots.get(hash as usize & self.mask);
        let Slot {
            serial,
            hash: other,
        } = slot.copied().unwrap_or_default();
        let index = serial.wrapping_sub(self.base);
        let is_old = u32::from(index as usize >= self.heads.len());
        let differs = u32::from(other != hash);
        // Either way `ABSENT`.
        let index = index | (is_old | differs).wrapping_neg();
        Aim { hash, index }
    }

    /// The index of a text that was aimed at in this batch, added if it is new. It stands at `at` in some bytes.
    #[inline(always)]
    pub(crate) fn hit(
        &mut self,
        bytes: &[u8],
        at: usize,
        length: usize,
        aim: Aim,
        readers: u64,
    ) -> u32 {
        if let (Some(head), Some(granted)) = (
            self.heads.get(aim.index as usize),
            self.readers.get_mut(aim.index as usize),
        ) && length <= WIDTH
            && head.length as usize == length
            && head.window == Window::new(bytes.get(at..).unwrap_or(&[]), length)
        {
            *granted |= readers;
            return aim.index;
        }
        self.hit_elsewhere(bytes, at, length, aim, readers)
    }

    /// The same for long texts, and for those that are new.
    #[inline(never)]
    fn hit_elsewhere(
        &mut self,
        bytes: &[u8],
        at: usize,
        length: usize,
        aim: Aim,
        readers: u64,
    ) -> u32 {
        let from = bytes.get(at..).unwrap_or(&[]);
        let text = from.get(..length).unwrap_or(from);
        let window = Window::new(from, length);
        match self.search(window, text, aim.hash) {
            Ok(index) => {
                self.grant(index, readers);
                index
            }
            Err(at) => self.add(window, text, readers, aim.hash, at),
        }
    }

    /// The index of a text, or the slot where it belongs.
    #[inline(always)]
    fn search(&self, window: Window, text: &[u8], hash: u32) -> Result<u32, usize> {
        let mut at = hash as usize & self.mask;
        while let Some(slot) = self.slots.get(at) {
            let index = slot.serial.wrapping_sub(self.base);
            let Some(head) = self.heads.get(index as usize) else {
                break;
            };
            if slot.hash == hash
                && head.length as usize == text.len()
                && head.window == window
                && (text.len() <= WIDTH || self.is_same(index, text, text.len()))
            {
                return Ok(index);
            }
            at = (at + 1) & self.mask;
        }
        Err(at)
    }

    /// Whether a text of the pool, of that length, is the one that `from` begins with.
    #[inline(never)]
    fn is_same(&self, index: u32, from: &[u8], length: usize) -> bool {
        let text = from.get(..length).unwrap_or(from);
        pair::same(self.get(index), text)
    }

    #[inline]
    fn add(&mut self, window: Window, text: &[u8], readers: u64, hash: u32, at: usize) -> u32 {
        let index = self.ends.len() as u32;
        let start = self.used;
        self.used += text.len();
        if self.used + WIDTH > self.bytes.len() {
            self.bytes.resize((self.used + WIDTH) * 2, 0);
        }
        if text.len() <= WIDTH {
            // Whole windows are copied without a call; what is too much is written over later.
            if let Some(place) = self.bytes.get_mut(start..start + WIDTH) {
                place.copy_from_slice(&window.bytes());
            }
        } else if let Some(place) = self.bytes.get_mut(start..self.used) {
            place.copy_from_slice(text);
        }
        self.heads.push(Head {
            window,
            length: text.len() as u32,
        });
        self.ends.push(self.used as u32);
        self.readers.push(readers);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = Slot {
                serial: self.base.wrapping_add(index),
                hash,
            };
        }
        if self.ends.len() > self.most {
            self.grow();
        }
        index
    }

    /// Takes twice the slots into use.
    #[cold]
    fn grow(&mut self) {
        let (before, bigger) = (self.mask + 1, (self.mask + 1) * 2);
        let slots = vec![Slot::default(); bigger.max(self.slots.len())];
        let old = std::mem::replace(&mut self.slots, slots);
        self.mask = bigger - 1;
        self.most = enough_for(bigger);
        for slot in old.into_iter().take(before) {
            if !self.is_current(&slot) {
                continue;
            }
            let mut at = slot.hash as usize & self.mask;
            while let Some(place) = self.slots.get(at)
                && self.is_current(place)
            {
                at = (at + 1) & self.mask;
            }
            if let Some(place) = self.slots.get_mut(at) {
                *place = slot;
            }
        }
    }

    fn is_current(&self, slot: &Slot) -> bool {
        (slot.serial.wrapping_sub(self.base) as usize) < self.ends.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_distinct_and_found_again_across_growth_and_batches() {
        let mut texts = Texts::default();
        for (round, rows) in [1000, 5, 0, 3000].into_iter().enumerate() {
            texts.clear(rows);
            if round == 2 {
                // Serial numbers run out.
                texts.base = u32::MAX - 1000;
                texts.clear(rows);
            }
            let names: Vec<String> = (0..5000)
                .map(|n| format!("{:>width$}", n, width = n % 80))
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
            assert_eq!(texts.len(), 5000);
            for (name, index) in names.iter().zip(&first) {
                assert_eq!(texts.get(*index), name.as_bytes());
                assert_eq!(texts.find(name.as_bytes()), Some(*index));
                assert!(texts.may_read(*index, 2) && !texts.may_read(*index, 4));
            }
            assert_eq!(texts.find(b"missing"), None);
        }
    }
}
