//! The attribute keys met so far. Keys come in the same order from row to row, so each remembers which
//! one came next.

use crate::ABSENT;
use crate::projection::AttributePlan;
use crate::texts::Texts;
use crate::window::{Pattern, Seed, WIDTH, Window};

/// A key.
#[derive(Clone, Default)]
struct Key {
    pattern: Pattern,
    length: u32,
    /// The length if the pattern is all of the key, else one that no key has.
    short: u32,
    /// The key's index in the batch's pool, [`ABSENT`] until it is there, or [`UNWANTED`].
    text: u32,
    /// The key that came after this one the last time.
    next: u32,
    /// The key itself if it is longer than a window.
    long: Box<[u8]>,
}

/// Instead of a pool index: no stage asked for attributes of this key.
pub(crate) const UNWANTED: u32 = ABSENT - 1;

/// Limit on the keys that are remembered, so that memory does not depend on what is sent. Of a sender that puts data
/// into keys, the others are looked up each time, and all are forgotten after the batch.
const MOST: usize = 1024;

/// The number of a key beyond the limit.
const UNKNOWN: u32 = 0;

/// The keys of one context's attributes.
#[derive(Clone)]
pub(crate) struct Keys {
    /// The first stands for the beginning of a row, and is no key.
    list: Vec<Key>,
    /// The stages that may read their values.
    readers: Vec<u64>,
    /// Keys by hash; 0 for none.
    slots: Vec<u32>,
    seed: Seed,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            list: vec![Key::beginning()],
            readers: vec![0],
            slots: vec![0; 64],
            seed: Seed::random(),
        }
    }
}

impl Key {
    fn beginning() -> Self {
        Key {
            length: u32::MAX,
            short: u32::MAX,
            text: ABSENT,
            ..Key::default()
        }
    }

    /// The key, of which `window` are the first bytes.
    fn bytes<'a>(&'a self, window: &'a [u8; WIDTH]) -> &'a [u8] {
        let short = window.get(..self.length as usize);
        short.unwrap_or(&self.long)
    }

    fn is(&self, window: Window, key: &[u8]) -> bool {
        self.length as usize == key.len()
            && self.pattern.window() == window
            && (key.len() <= WIDTH || *self.long == *key)
    }
}

impl Keys {
    /// Forgets what belongs to a batch.
    pub(crate) fn clear(&mut self) {
        if self.list.len() > MOST {
            self.list.truncate(1);
            self.readers.truncate(1);
            self.slots.fill(0);
        }
        for key in &mut self.list {
            if key.text != UNWANTED {
                key.text = ABSENT;
            }
        }
    }

    /// Number and pool index of the key after `before` in its row, if it is the one that was numbered next, was met in
    /// this batch, and `from` begins with it.
    #[inline(always)]
    pub(crate) fn follow(&self, before: u32, from: &[u8; WIDTH], length: u8) -> Option<(u32, u32)> {
        let number = before + 1;
        let key = self.list.get(number as usize)?;
        let is_next = key.short == u32::from(length) && key.pattern.begins(from);
        (is_next && key.text != ABSENT).then_some((number, key.text))
    }

    /// Number and pool index of any key. The number is [`UNKNOWN`] for a key beyond the limit. `before` is the one
    /// before it in its row.
    #[inline(never)]
    pub(crate) fn locate(
        &mut self,
        before: u32,
        key: &[u8],
        plan: &AttributePlan,
        texts: &mut Texts,
    ) -> (u32, u32) {
        let window = Window::new(key, key.len());
        let number = self.look_up(before, window, key, plan);
        match self.list.get_mut(number as usize) {
            Some(known) if number != UNKNOWN => {
                if known.text == ABSENT {
                    known.text = texts.intern(key, plan.list_readers);
                }
                (number, known.text)
            }
            _ if plan.wants(key).0 => (UNKNOWN, texts.intern(key, plan.list_readers)),
            _ => (UNKNOWN, UNWANTED),
        }
    }

    /// The stages that may read the values of a key, if it is known.
    #[inline(always)]
    pub(crate) fn readers(&self, number: u32) -> Option<u64> {
        match number {
            UNKNOWN => None,
            number => self.readers.get(number as usize).copied(),
        }
    }

    fn look_up(&mut self, before: u32, window: Window, key: &[u8], plan: &AttributePlan) -> u32 {
        let guess = self.list.get(before as usize).map_or(0, |known| known.next);
        for guess in [before + 1, guess] {
            if self.is(guess, window, key) {
                return guess;
            }
        }
        let mask = self.slots.len() - 1;
        let mut at = self.seed.hash_all(window, key) as usize & mask;
        let mut found = UNKNOWN;
        while let Some(&number) = self.slots.get(at)
            && number != 0
        {
            if self.is(number, window, key) {
                found = number;
                break;
            }
            at = (at + 1) & mask;
        }
        if found == UNKNOWN {
            if self.list.len() > MOST {
                return UNKNOWN;
            }
            found = self.add(window, key, plan, at);
        }
        if let Some(known) = self.list.get_mut(before as usize) {
            known.next = found;
        }
        found
    }

    fn is(&self, at: u32, window: Window, key: &[u8]) -> bool {
        let known = self.list.get(at as usize);
        known.is_some_and(|known| known.is(window, key))
    }

    #[cold]
    fn add(&mut self, window: Window, key: &[u8], plan: &AttributePlan, at: usize) -> u32 {
        let number = self.list.len() as u32;
        let (wanted, readers) = plan.wants(key);
        let is_short = key.len() <= WIDTH;
        self.list.push(Key {
            pattern: window.masked(key.len()),
            length: key.len() as u32,
            short: if is_short { key.len() as u32 } else { u32::MAX },
            text: if wanted { ABSENT } else { UNWANTED },
            next: 0,
            long: if is_short { Box::default() } else { key.into() },
        });
        self.readers.push(readers);
        if let Some(slot) = self.slots.get_mut(at) {
            *slot = number;
        }
        if self.list.len() * 2 > self.slots.len() {
            self.grow();
        }
        number
    }

    fn grow(&mut self) {
        self.slots = vec![0; self.slots.len() * 2];
        let mask = self.slots.len() - 1;
        for (number, known) in (0u32..).zip(&self.list).skip(1) {
            let short = known.pattern.window().bytes();
            let key = known.bytes(&short);
            let mut at = self.seed.hash_all(known.pattern.window(), key) as usize & mask;
            while self.slots.get(at).is_some_and(|&number| number != 0) {
                at = (at + 1) & mask;
            }
            if let Some(slot) = self.slots.get_mut(at) {
                *slot = number;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_apart_in_any_order_and_across_batches() {
        let plan = AttributePlan {
            all: true,
            ..AttributePlan::default()
        };
        let mut keys = Keys::default();
        let names: Vec<String> = (0..3000)
            .map(|n| format!("{:>width$}", n, width = n % 60))
            .collect();
        for round in 0..3 {
            keys.clear();
            let (mut texts, mut before) = (Texts::default(), 0);
            let mut numbers = Vec::new();
            for name in names.iter().chain(names.iter().rev()) {
                let name = name.as_bytes();
                let text;
                (before, text) = keys.locate(before, name, &plan, &mut texts);
                assert_eq!(texts.get(text), name, "round {round}");
                numbers.push(before);
            }
            numbers.sort_unstable();
            numbers.dedup();
            assert_eq!(numbers.len(), MOST + 1);
            assert_eq!(keys.list.len(), MOST + 1);
        }
    }
}
