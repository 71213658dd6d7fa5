//! Decisions that are remembered after their traces have left: the least recently used are forgotten first.

use hashbrown::HashTable;

use crate::mixer::Mixer;

const NONE: u32 = u32::MAX;

#[derive(Debug, Clone)]
struct Entry<D> {
    id: u128,
    decision: D,
    /// Towards the latest used, and towards the one to be forgotten next.
    newer: u32,
    older: u32,
}

/// Decisions by trace.
#[derive(Debug)]
pub struct DecisionCache<D> {
    size: usize,
    mixer: Mixer,
    index: HashTable<u32>,
    entries: Vec<Entry<D>>,
    newest: u32,
    oldest: u32,
}

impl<D: Clone> DecisionCache<D> {
    /// Remembers at most so many.
    pub fn new(size: usize) -> Self {
        DecisionCache {
            size,
            mixer: Mixer::default(),
            index: HashTable::new(),
            entries: Vec::new(),
            newest: NONE,
            oldest: NONE,
        }
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        *self = DecisionCache::new(self.size);
    }

    /// Whether it remembers anything at all.
    pub fn is_in_use(&self) -> bool {
        self.size > 0
    }

    fn find(&self, id: u128) -> Option<u32> {
        let hash = self.mixer.hash(id);
        let is_it = |slot: &u32| self.entries[*slot as usize].id == id;
        self.index.find(hash, is_it).copied()
    }

    /// The decision on a trace, if it is remembered.
    pub fn get(&mut self, id: u128) -> Option<D> {
        if self.entries.is_empty() {
            return None;
        }
        let slot = self.find(id)?;
        self.unlink(slot);
        self.link(slot);
        Some(self.entries[slot as usize].decision.clone())
    }

    /// Remembers a decision, with what nobody who sends traces can know.
    pub fn put(&mut self, id: u128, decision: D, seed: u64) {
        if self.size == 0 {
            return;
        }
        if self.entries.is_empty() {
            self.mixer = Mixer::new(seed);
        }
        if let Some(slot) = self.find(id) {
            self.unlink(slot);
            self.link(slot);
            self.entries[slot as usize].decision = decision;
            return;
        }
        let entry = Entry {
            id,
            decision,
            newer: NONE,
            older: NONE,
        };
        let slot = match self.entries.len() < self.size {
            true => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
            false => {
                let slot = self.oldest;
                self.unlink(slot);
                let hash = self.mixer.hash(self.entries[slot as usize].id);
                if let Ok(known) = self.index.find_entry(hash, |known| *known == slot) {
                    known.remove();
                }
                self.entries[slot as usize] = entry;
                slot
            }
        };
        let Self {
            mixer,
            index,
            entries,
            ..
        } = self;
        let hash_of = |slot: &u32| mixer.hash(entries[*slot as usize].id);
        index.insert_unique(mixer.hash(id), slot, hash_of);
        self.link(slot);
    }

    /// All decisions, those to be forgotten first in front.
    pub fn oldest_first(&self) -> impl Iterator<Item = (u128, D)> {
        let mut next = self.oldest;
        std::iter::from_fn(move || {
            let entry = self.entries.get(next as usize)?;
            next = entry.newer;
            Some((entry.id, entry.decision.clone()))
        })
    }

    fn unlink(&mut self, slot: u32) {
        let (newer, older) = {
            let entry = &self.entries[slot as usize];
            (entry.newer, entry.older)
        };
        match self.entries.get_mut(newer as usize) {
            Some(entry) => entry.older = older,
            None => self.newest = older,
        }
        match self.entries.get_mut(older as usize) {
            Some(entry) => entry.newer = newer,
            None => self.oldest = newer,
        }
    }

    fn link(&mut self, slot: u32) {
        let newest = std::mem::replace(&mut self.newest, slot);
        let entry = &mut self.entries[slot as usize];
        (entry.newer, entry.older) = (NONE, newest);
        match self.entries.get_mut(newest as usize) {
            Some(entry) => entry.newer = slot,
            None => self.oldest = slot,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_is_remembered_without_room() {
        let mut cache = DecisionCache::new(0);
        cache.put(1, 'x', 7);
        assert_eq!((cache.get(1), cache.is_in_use()), (None, false));
    }

    proptest! {
        /// Against a list, the latest used last.
        #[test]
        fn the_least_recently_used_are_forgotten(
            size in 1usize..6,
            uses in prop::collection::vec((any::<bool>(), 0u128..9, 0u16..4), 0..60),
        ) {
            let mut cache = DecisionCache::new(size);
            let mut model: Vec<(u128, u16)> = Vec::new();
            for (is_put, id, policy) in uses {
                let known = model.iter().position(|(known, _)| *known == id);
                if is_put {
                    cache.put(id, policy, 7);
                    if let Some(at) = known {
                        model.remove(at);
                    } else if model.len() == size {
                        model.remove(0);
                    }
                    model.push((id, policy));
                } else {
                    let expected = known.map(|at| {
                        let entry = model.remove(at);
                        model.push(entry);
                        entry.1
                    });
                    prop_assert_eq!(cache.get(id), expected);
                }
                let all: Vec<_> = cache.oldest_first().collect();
                prop_assert_eq!(&all, &model);
            }
        }
    }
}
