//! Finds rows of a batch that measure the same series, by a few words each, before any text is looked at.

/// Words that one turn of a loop takes: in a sandbox each turn looks at the clock.
const TURN: usize = 4;

/// An open-addressing table of keys of a fixed number of words. It is reused between batches without being
/// cleared: entries carry the number of the batch they belong to.
#[derive(Debug)]
pub(crate) struct Groups {
    /// A multiple of [`TURN`].
    width: usize,
    generation: u32,
    /// Generation and group.
    slots: Vec<(u32, u32)>,
    /// The groups' keys, end to end.
    keys: Vec<u64>,
}

impl Groups {
    /// A table of keys of so many words.
    pub(crate) fn new(width: usize) -> Self {
        Groups {
            width: width.next_multiple_of(TURN),
            generation: 1,
            slots: vec![(0, 0); 256],
            keys: Vec::new(),
        }
    }

    /// An empty table of the same kind.
    pub(crate) fn empty(&self) -> Self {
        Groups::new(self.width)
    }

    /// Forgets all groups.
    pub(crate) fn start(&mut self) {
        self.keys.clear();
        self.generation = self.generation.wrapping_add(1);
        if self.generation == 0 {
            self.slots.fill((0, 0));
            self.generation = 1;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len() / self.width
    }

    /// The key of a group.
    pub(crate) fn key(&self, group: usize) -> &[u64] {
        &self.keys[group * self.width..(group + 1) * self.width]
    }

    /// The group of a key; a new one has the highest number so far. The key is brought to the table's width.
    #[inline]
    pub(crate) fn find(&mut self, key: &mut Vec<u64>) -> u32 {
        key.resize(self.width, 0);
        let mask = self.slots.len() - 1;
        let mut slot = hash(key) as usize & mask;
        loop {
            let (generation, group) = self.slots[slot];
            if generation != self.generation {
                break;
            }
            if same(self.key(group as usize), key) {
                return group;
            }
            slot = (slot + 1) & mask;
        }
        let group = self.len() as u32;
        self.keys.extend_from_slice(key);
        self.slots[slot] = (self.generation, group);
        if self.len() * 2 > self.slots.len() {
            self.grow();
        }
        group
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        self.slots.clear();
        self.slots.resize(size, (0, 0));
        for group in 0..self.len() {
            let mut slot = hash(self.key(group)) as usize & (size - 1);
            while self.slots[slot].0 == self.generation {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = (self.generation, group as u32);
        }
    }
}

/// Word by word: comparing slices is a call, in WebAssembly one that goes byte by byte.
#[inline]
fn same(one: &[u64], other: &[u64]) -> bool {
    let (one, other) = (one.as_chunks::<TURN>().0, other.as_chunks::<TURN>().0);
    one.iter()
        .zip(other)
        .all(|([a, b, c, d], [e, f, g, h])| (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) == 0)
}

/// Multiply and rotate, a word at a time.
#[inline]
fn hash(key: &[u64]) -> u64 {
    let mix =
        |hash: u64, word: u64| (hash.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    let mixed = key.as_chunks::<TURN>().0.iter().fold(0, |hash, words| {
        words.iter().fold(hash, |hash, &word| mix(hash, word))
    });
    mixed ^ (mixed >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_share_a_group_and_others_do_not() {
        let mut groups = Groups::new(2);
        for batch in 0..3 {
            groups.start();
            let found: Vec<u32> = (0..2_000u64)
                .map(|n| groups.find(&mut vec![n % 700, batch]))
                .collect();
            let expected: Vec<u32> = (0..2_000).map(|n| n % 700).collect();
            assert_eq!(found, expected);
            assert_eq!((groups.len(), groups.key(3)), (700, &[3, batch, 0, 0][..]));
        }
    }
}
