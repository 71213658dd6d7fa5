//! The text pool of a batch: every distinct text once, and who may read it.

use crate::ascii::same;
use crate::window::{Seed, WIDTH, Window};

/// A text's first bytes and its length, which is all of most texts: compared without a look at the pool.
#[derive(Clone, Copy, Default)]
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

/// Distinct texts, numbered as they come. Reused from batch to batch without giving memory back.
#[derive(Clone)]
pub(crate) struct Texts {
    /// How many there are. The three lists that follow have room for more.
    count: usize,
    heads: Vec<Head>,
    ends: Vec<u32>,
    /// The stages that may read each text, a bit each.
    readers: Vec<u64>,
    /// The texts end to end, and at least a window's width of anything behind them.
    bytes: Vec<u8>,
    used: usize,
    slots: Vec<Slot>,
    /// The part of `slots` that this batch uses, less one: a power of two that suits its size.
    mask: usize,
    /// The number of texts at which more slots are taken into use.
    most: usize,
    /// The serial number of the first text.
    base: u32,
    seed: Seed,
    /// Rows of this batch, and texts a row in the last, in sixteenths.
    rows: usize,
    per_row: usize,
}

const LEAST_SLOTS: usize = 256;

/// For how many texts some slots are enough: a quarter, so that nearly all stand in their own, until that costs more
/// in cache misses than it saves.
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
            count: 0,
            heads: Vec::new(),
            ends: Vec::new(),
            readers: Vec::new(),
            bytes: vec![0; 2 * WIDTH],
            used: 0,
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
    /// Empties the pool for a batch of `rows` rows.
    pub(crate) fn clear(&mut self, rows: usize) {
        let count = std::mem::take(&mut self.count);
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
        let expected = rows.saturating_mul(self.per_row) / 16;
        let mut slots = LEAST_SLOTS;
        while slots < self.slots.len() && enough_for(slots) < expected {
            slots *= 2;
        }
        self.mask = slots - 1;
        self.most = enough_for(slots);
        self.used = 0;
    }

    /// Makes room for `texts` more texts.
    pub(crate) fn make_room(&mut self, texts: usize) {
        let count = self.count + texts;
        if count > self.heads.len() {
            let room = count.next_power_of_two();
            self.heads.resize(room, Head::default());
            self.ends.resize(room, 0);
            self.readers.resize(room, 0);
        }
        let bytes = self.used + (texts + 1) * WIDTH;
        if bytes > self.bytes.len() {
            self.bytes.resize(bytes.next_power_of_two(), 0);
        }
        while count > self.most {
            self.grow();
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn ends(&self) -> &[u32] {
        self.ends.get(..self.count).unwrap_or(&[])
    }

    pub(crate) fn pool(&self) -> &[u8] {
        self.bytes.get(..self.used).unwrap_or(&[])
    }

    pub(crate) fn readers(&self) -> &[u64] {
        self.readers.get(..self.count).unwrap_or(&[])
    }

    #[inline]
    pub(crate) fn get(&self, index: u32) -> &[u8] {
        let (start, end) = self.place(index);
        self.bytes.get(start..end).unwrap_or(&[])
    }

    #[inline]
    fn place(&self, index: u32) -> (usize, usize) {
        let index = index as usize;
        let end = self.ends().get(index).copied().unwrap_or(0) as usize;
        let start = match index.checked_sub(1) {
            Some(before) => self.ends().get(before).copied().unwrap_or(0) as usize,
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
        self.readers()
            .get(index as usize)
            .is_some_and(|readers| readers & stage_bit != 0)
    }

    /// The index of a text if it is there.
    pub(crate) fn find(&self, text: &[u8]) -> Option<u32> {
        let window = Window::new(text, text.len());
        let hash = self.seed.hash_all(window, text);
        self.search(window, text, hash).ok()
    }

    /// The index of a text, added if it is new.
    pub(crate) fn intern(&mut self, text: &[u8], readers: u64) -> u32 {
        self.intern_from(text, text.len(), readers)
    }

    /// Like [`Texts::intern`], for the first `length` bytes of `from`. Fast if `from` runs on beyond them.
    // The processor cannot predict whether a text is new, and a wrong guess costs more than the work a branch would save.
    // So there is none: every text is put behind the others, and counted there if it is not found among them.
    #[inline(always)]
    pub(crate) fn intern_from(&mut self, from: &[u8], length: usize, readers: u64) -> u32 {
        let window = Window::new(from, length);
        let hash = self.seed.hash(window, length);
        let spare = self.count;
        if length <= WIDTH
            && let Some(slot) = self.slots.get_mut(hash as usize & self.mask)
            && let Some(new) = self.heads.get_mut(spare)
            && let Some(end) = self.ends.get_mut(spare)
            && let Some(granted) = self.readers.get_mut(spare)
            && let Some(place) = self.bytes.get_mut(self.used..self.used + WIDTH)
        {
            (*new, *granted) = (
                Head {
                    window,
                    length: length as u32,
                },
                0,
            );
            place.copy_from_slice(&window.bytes());
            let known = slot.serial.wrapping_sub(self.base);
            let is_new = known as usize >= spare;
            let index = if is_new { spare as u32 } else { known };
            if let Some(head) = self.heads.get(index as usize)
                && head.window == window
                && head.length == length as u32
                && let Some(granted) = self.readers.get_mut(index as usize)
            {
                *granted |= readers;
                *slot = Slot {
                    serial: self.base.wrapping_add(index),
                    hash,
                };
                self.used += if is_new { length } else { 0 };
                *end = self.used as u32;
                self.count += usize::from(is_new);
                return index;
            }
        }
        self.intern_elsewhere(from, length, hash, readers)
    }

    /// The slow path: long texts, texts whose slot another text has, and a pool without room.
    #[inline(never)]
    fn intern_elsewhere(&mut self, from: &[u8], length: usize, hash: u32, readers: u64) -> u32 {
        let text = from.get(..length).unwrap_or(from);
        let window = Window::new(from, length);
        let hash = self.seed.long(hash, text);
        self.make_room(1);
        match self.search(window, text, hash) {
            Ok(index) => {
                self.grant(index, readers);
                index
            }
            Err(at) => self.add(window, text, readers, hash, at),
        }
    }

    /// The index of a text, or the slot where it belongs.
    #[inline(always)]
    fn search(&self, window: Window, text: &[u8], hash: u32) -> Result<u32, usize> {
        let mut at = hash as usize & self.mask;
        while let Some(slot) = self.slots.get(at) {
            let index = slot.serial.wrapping_sub(self.base);
            let Some(head) = (self.heads.get(..self.count)).and_then(|all| all.get(index as usize))
            else {
                break;
            };
            if slot.hash == hash
                && head.length as usize == text.len()
                && head.window == window
                && (text.len() <= WIDTH || same(self.get(index), text))
            {
                return Ok(index);
            }
            at = (at + 1) & self.mask;
        }
        Err(at)
    }

    #[inline]
    fn add(&mut self, window: Window, text: &[u8], readers: u64, hash: u32, at: usize) -> u32 {
        let index = self.count as u32;
        let start = self.used;
        self.used += text.len();
        if self.used + WIDTH > self.bytes.len() {
            self.bytes.resize((self.used + WIDTH) * 2, 0);
        }
        if let Some(place) = self.bytes.get_mut(start..self.used) {
            place.copy_from_slice(text);
        }
        if let (Some(head), Some(end), Some(granted), Some(slot)) = (
            self.heads.get_mut(self.count),
            self.ends.get_mut(self.count),
            self.readers.get_mut(self.count),
            self.slots.get_mut(at),
        ) {
            *head = Head {
                window,
                length: text.len() as u32,
            };
            (*end, *granted) = (self.used as u32, readers);
            *slot = Slot {
                serial: self.base.wrapping_add(index),
                hash,
            };
            self.count += 1;
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
        (slot.serial.wrapping_sub(self.base) as usize) < self.count
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
