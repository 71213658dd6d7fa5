//! What tells a series apart, word by word: each word leads from one node of a tree to the next.

/// Where every path begins.
pub const ROOT: u32 = 1;

/// The value of a node that was given none.
pub const NONE: u32 = u32::MAX;

/// The edges of a tree, by open addressing. A row finds its series by one look-up a word, from batch to batch.
#[derive(Debug)]
pub struct Tree {
    /// Twice the number of edges at least; a power of two.
    slots: Vec<Slot>,
    /// By node.
    values: Vec<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Node and word; 0: free.
    edge: u64,
    leads_to: u32,
}

const LEAST_SLOTS: usize = 1024;

impl Default for Tree {
    fn default() -> Self {
        Tree {
            slots: vec![Slot::default(); LEAST_SLOTS],
            // No node is 0, so that no edge is.
            values: vec![NONE; ROOT as usize + 1],
        }
    }
}

impl Tree {
    /// The node that a word leads to; a new one if it was never taken.
    #[inline]
    pub fn next(&mut self, node: u32, word: u32) -> u32 {
        let edge = u64::from(node) << 32 | u64::from(word);
        let slot = self.slots[self.place(edge)];
        if slot.edge == edge {
            return slot.leads_to;
        }
        self.find(edge)
    }

    /// The node at the end of a path.
    pub fn path(&mut self, node: u32, words: impl IntoIterator<Item = u32>) -> u32 {
        words
            .into_iter()
            .fold(node, |node, word| self.next(node, word))
    }

    /// How many nodes there are.
    pub fn nodes(&self) -> usize {
        self.values.len()
    }

    /// What was kept for a node, or [`NONE`].
    #[inline]
    pub fn value(&self, node: u32) -> u32 {
        self.values[node as usize]
    }

    /// Keeps something for a node.
    pub fn set(&mut self, node: u32, value: u32) {
        self.values[node as usize] = value;
    }

    /// Where to look for an edge first: the high bits of a product, which depend on all of its bits.
    #[inline]
    fn place(&self, edge: u64) -> usize {
        (edge.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize & (self.slots.len() - 1)
    }

    /// A function of its own: that the first look finds it is usual.
    #[inline(never)]
    fn find(&mut self, edge: u64) -> u32 {
        let mut place = self.place(edge);
        while self.slots[place].edge != 0 {
            if self.slots[place].edge == edge {
                return self.slots[place].leads_to;
            }
            place = (place + 1) & (self.slots.len() - 1);
        }
        let leads_to = self.values.len() as u32;
        self.values.push(NONE);
        self.slots[place] = Slot { edge, leads_to };
        if self.values.len() * 2 > self.slots.len() {
            self.grow();
        }
        leads_to
    }

    fn grow(&mut self) {
        let size = self.slots.len() * 2;
        let old = std::mem::replace(&mut self.slots, vec![Slot::default(); size]);
        for slot in old.into_iter().filter(|slot| slot.edge != 0) {
            let mut place = self.place(slot.edge);
            while self.slots[place].edge != 0 {
                place = (place + 1) & (size - 1);
            }
            self.slots[place] = slot;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_words_lead_to_the_same_node_and_others_do_not() {
        let mut tree = Tree::default();
        let mut node = |words: [u32; 2]| {
            let between = tree.next(ROOT, words[0]);
            let node = tree.next(between, words[1]);
            let is_new = tree.value(node) == NONE;
            tree.set(node, words[0] << 16 | words[1]);
            (node, is_new)
        };
        let first: Vec<_> = (0..4_000).map(|n| node([n % 40, n / 40])).collect();
        let again: Vec<_> = (0..4_000).map(|n| node([n % 40, n / 40])).collect();
        assert!(first.iter().all(|(_, is_new)| *is_new));
        assert!(again.iter().all(|(_, is_new)| !is_new));
        assert!(first.iter().zip(&again).all(|(a, b)| a.0 == b.0));
        for (n, (node, _)) in (0..).zip(first) {
            assert_eq!(tree.value(node), ((n % 40) << 16) | (n / 40));
        }
    }
}
