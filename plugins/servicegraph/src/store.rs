//! The requests that wait for their other side, found by key and taken out in the order they came.

use hashbrown::HashTable;
use spanmill_traces::Mixer;

use crate::edge::{Edge, Key};

const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Entry {
    edge: Edge,
    /// Towards the latest that came, and towards the one that expires first.
    newer: u32,
    older: u32,
}

/// The requests that wait.
#[derive(Debug)]
pub(crate) struct Store {
    most: usize,
    mixer: Mixer,
    index: HashTable<u32>,
    entries: Vec<Entry>,
    free: Vec<u32>,
    newest: u32,
    oldest: u32,
}

impl Store {
    /// A store of at most so many requests.
    pub(crate) fn new(most: usize) -> Self {
        Store {
            most,
            mixer: Mixer::default(),
            index: HashTable::new(),
            entries: Vec::new(),
            free: Vec::new(),
            newest: NONE,
            oldest: NONE,
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Store::new(self.most);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.index.len() >= self.most
    }

    /// The place of a request.
    pub(crate) fn find(&self, key: Key) -> Option<u32> {
        let is_it = |place: &u32| self.entries[*place as usize].edge.key == key;
        self.index.find(hash(self.mixer, key), is_it).copied()
    }

    pub(crate) fn edge_mut(&mut self, place: u32) -> &mut Edge {
        &mut self.entries[place as usize].edge
    }

    /// Has a request wait, of which none is there yet; there must be room.
    pub(crate) fn insert(&mut self, edge: Edge) {
        if self.index.is_empty() {
            // Nobody who sends spans knows the time to the nanosecond.
            self.mixer = Mixer::new(edge.expires);
        }
        let key = edge.key;
        let entry = Entry {
            edge,
            newer: NONE,
            older: self.newest,
        };
        let place = match self.free.pop() {
            Some(place) => {
                self.entries[place as usize] = entry;
                place
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        match self.newest {
            NONE => self.oldest = place,
            newest => self.entries[newest as usize].newer = place,
        }
        self.newest = place;
        let (mixer, entries) = (self.mixer, &self.entries);
        self.index.insert_unique(hash(mixer, key), place, |&other| {
            hash(mixer, entries[other as usize].edge.key)
        });
    }

    /// Takes a request out.
    pub(crate) fn remove(&mut self, place: u32) -> Edge {
        let entry = &mut self.entries[place as usize];
        let (newer, older) = (entry.newer, entry.older);
        let nothing = Edge::new(entry.edge.key, 0);
        let edge = std::mem::replace(&mut entry.edge, nothing);
        match newer {
            NONE => self.newest = older,
            newer => self.entries[newer as usize].older = older,
        }
        match older {
            NONE => self.oldest = newer,
            older => self.entries[older as usize].newer = newer,
        }
        let is_it = |known: &u32| *known == place;
        if let Ok(found) = self.index.find_entry(hash(self.mixer, edge.key), is_it) {
            found.remove();
        }
        self.free.push(place);
        edge
    }

    /// Takes the oldest request out, if it has waited long enough.
    pub(crate) fn take_expired(&mut self, now: u64) -> Option<Edge> {
        let oldest = self.entries.get(self.oldest as usize)?;
        (oldest.edge.expires < now).then(|| self.remove(self.oldest))
    }

    /// The requests in the order they came.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Edge> {
        let mut place = self.oldest;
        std::iter::from_fn(move || {
            let entry = self.entries.get(place as usize)?;
            place = entry.newer;
            Some(&entry.edge)
        })
    }

    /// The requests in any order, and what is left of those that are gone.
    pub(crate) fn each_mut(&mut self) -> impl Iterator<Item = &mut Edge> {
        self.entries.iter_mut().map(|entry| &mut entry.edge)
    }
}

/// What is chosen by senders goes in beside what they cannot know.
fn hash(mixer: Mixer, key: Key) -> u64 {
    let trace = u128::from(mixer.hash(key.trace));
    mixer.hash(trace << 64 | u128::from(key.client_span))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(number: u64) -> Edge {
        let key = Key {
            trace: u128::from(number % 7),
            client_span: number,
        };
        Edge::new(key, number)
    }

    #[test]
    fn requests_leave_by_key_or_in_the_order_they_came() {
        let mut store = Store::new(100);
        (0..100).for_each(|number| store.insert(edge(number)));
        assert!(store.is_full());
        for number in (0..100).filter(|number| number % 3 != 0) {
            let place = store.find(edge(number).key).unwrap();
            assert_eq!(store.remove(place), edge(number));
            assert_eq!(store.find(edge(number).key), None);
        }
        // Places of those that left are taken again.
        (100..120).for_each(|number| store.insert(edge(number)));
        let left: Vec<u64> = store.in_order().map(|edge| edge.expires).collect();
        let expected: Vec<u64> = (0..100).step_by(3).chain(100..120).collect();
        assert_eq!(left, expected);
        let expired = std::iter::from_fn(|| store.take_expired(110)).count();
        assert_eq!(expired, 34 + 10);
        assert_eq!(store.in_order().next(), Some(&edge(110)));
    }
}
