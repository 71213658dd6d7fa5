//! The attribute keys met so far. Keys follow each other in the same order from span to span, so each
//! remembers which one came next; and values repeat, so each remembers its last.

use crate::ABSENT;
use crate::pair;
use crate::projection::AttributePlan;
use crate::texts::Texts;
use crate::window::{Seed, WIDTH, Window};

/// A key and what is known of its attributes.
#[derive(Clone, Default)]
pub(crate) struct Known {
    window: Window,
    length: u32,
    /// The key that came after this one the last time.
    next: u32,
    /// The key itself if it is longer than a window.
    long: Box<[u8]>,
    wanted: bool,
    /// The stages that may read its values.
    readers: u64,
    /// The key's index in the batch's pool.
    text: u32,
    /// The index of the last value, and how often it came in a row.
    value: u32,
    streak: u8,
    value_length: u32,
    value_window: Window,
}

/// From so many equal values in a row on, the next is compared before it is hashed. With fewer, whether
/// it is equal cannot be foreseen, and a wrong guess costs more than a hash.
const STREAK: u8 = 6;

/// With more keys than this, which only a sender that puts data into keys has, all are forgotten: memory
/// does not depend on what is sent.
const MOST: usize = 1024;

/// The keys of one context's attributes.
#[derive(Clone)]
pub(crate) struct Keys {
    /// The first stands for the beginning of a row, and is no key.
    list: Vec<Known>,
    /// Keys by hash; 0 for none.
    slots: Vec<u32>,
    seed: Seed,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            list: vec![Known::beginning()],
            slots: vec![0; 64],
            seed: Seed::random(),
        }
    }
}

impl Known {
    fn beginning() -> Self {
        Known {
            length: u32::MAX,
            ..Known::default()
        }
    }

    #[inline]
    fn is(&self, window: Window, key: &[u8]) -> bool {
        self.length as usize == key.len()
            && self.window == window
            && (key.len() <= WIDTH || *self.long == *key)
    }

    /// The pool index of a value.
    #[inline]
    pub(crate) fn intern(&mut self, texts: &mut Texts, from: &[u8], value: &[u8]) -> u32 {
        let window = Window::new(from, value.len());
        if self.streak >= STREAK
            && self.value_length as usize == value.len()
            && self.value_window == window
            && (value.len() <= WIDTH || pair::same(texts.get(self.value), value))
        {
            return self.value;
        }
        let index = texts.intern_known(window, value, self.readers);
        if index == self.value {
            self.streak = self.streak.saturating_add(1);
            self.value_window = window;
            self.value_length = value.len() as u32;
        } else {
            self.streak = 0;
            self.value = index;
        }
        index
    }
}

impl Keys {
    /// Forgets what belongs to a batch.
    pub(crate) fn clear(&mut self) {
        for known in &mut self.list {
            known.text = ABSENT;
            known.value = ABSENT;
            known.streak = 0;
        }
    }

    /// A wanted key's index in the pool, and what else is known of it. `before` is the key before it in
    /// its row, and becomes this one.
    #[inline]
    pub(crate) fn locate(
        &mut self,
        before: &mut u32,
        window: Window,
        key: &[u8],
        plan: &AttributePlan,
        texts: &mut Texts,
    ) -> Option<(u32, &mut Known)> {
        // Keys are numbered as they came, so that the next is at hand without looking.
        let mut at = *before + 1;
        if !self.is(at, window, key) {
            at = self.look_up(*before, window, key, plan);
        }
        *before = at;
        let known = self.list.get_mut(at as usize)?;
        if !known.wanted {
            return None;
        }
        if known.text == ABSENT {
            known.text = texts.intern_known(window, key, plan.list_readers);
        }
        Some((known.text, known))
    }

    #[inline]
    fn is(&self, at: u32, window: Window, key: &[u8]) -> bool {
        let known = self.list.get(at as usize);
        known.is_some_and(|known| known.is(window, key))
    }

    fn look_up(&mut self, before: u32, window: Window, key: &[u8], plan: &AttributePlan) -> u32 {
        let guess = self.list.get(before as usize).map_or(0, |known| known.next);
        if self.is(guess, window, key) {
            return guess;
        }
        let mask = self.slots.len() - 1;
        let home = self.seed.hash(window, key) as usize & mask;
        let (mut at, mut found) = (home, 0);
        while let Some(&number) = self.slots.get(at)
            && number != 0
        {
            if self.is(number, window, key) {
                found = number;
                break;
            }
            at = (at + 1) & mask;
        }
        if found == 0 {
            if self.list.len() > MOST {
                self.list.truncate(1);
                self.slots.fill(0);
                at = home;
            }
            found = self.add(window, key, plan, at);
        }
        if let Some(known) = self.list.get_mut(before as usize) {
            known.next = found;
        }
        found
    }

    #[cold]
    fn add(&mut self, window: Window, key: &[u8], plan: &AttributePlan, at: usize) -> u32 {
        let number = self.list.len() as u32;
        let (wanted, readers) = plan.wants(key);
        self.list.push(Known {
            window,
            length: key.len() as u32,
            long: if key.len() > WIDTH {
                key.into()
            } else {
                Box::default()
            },
            wanted,
            readers,
            text: ABSENT,
            value: ABSENT,
            ..Known::default()
        });
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
            let short = known.window.bytes();
            let key = match known.length as usize {
                length @ 0..=WIDTH => short.get(..length).unwrap_or(&[]),
                _ => &known.long,
            };
            let mut at = self.seed.hash(known.window, key) as usize & mask;
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
            let (mut texts, mut before, mut numbers) = (Texts::default(), 0, Vec::new());
            for name in names
                .iter()
                .chain(names.iter().rev())
                .map(|name| name.as_bytes())
            {
                let window = Window::new(name, name.len());
                let (text, _) = keys
                    .locate(&mut before, window, name, &plan, &mut texts)
                    .unwrap();
                assert_eq!(texts.get(text), name, "round {round}");
                numbers.push(before);
            }
            numbers.sort_unstable();
            numbers.dedup();
            assert!(numbers.len() >= MOST && keys.list.len() <= MOST + 1);
        }
    }
}
