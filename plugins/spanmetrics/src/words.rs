//! Numbers for what tells series apart that stay the same from batch to batch.

use spanmill_sdk::Batch;
use spanmill_series::{ROOT, TextIds, Tree};

/// The kind of a cell that stands for a dimension's default.
pub(crate) const DEFAULT: u8 = 15;

/// The first word of the path to the number of a resource. Metrics have theirs beside it.
pub(crate) const RESOURCES: u32 = u32::MAX;

/// The same of a value that is no text.
const VALUES: u32 = u32::MAX - 1;

/// Marks the words of such values: numbers of texts are below.
const OTHER: u32 = 1 << 31;

/// How many texts or nodes are too many.
const LIMIT: usize = 1 << 20;

/// Texts and values seen so far, and the tree of what is made of them.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub texts: TextIds,
    pub tree: Tree,
}

impl Words {
    /// Whether it is time to start over: where each new text or value makes a series, those are bounded first.
    pub(crate) fn are_many(&self) -> bool {
        self.texts.len().max(self.tree.nodes()) > LIMIT
    }

    /// Begins a batch.
    pub(crate) fn start(&mut self, batch: &Batch<'_>) {
        self.texts.start(batch);
    }

    /// The node at the end of a path.
    pub(crate) fn path(&mut self, node: u32, words: impl IntoIterator<Item = u32>) -> u32 {
        self.tree.path(node, words)
    }

    /// The word of a cell, by what it holds; 0 for an absent one.
    #[inline]
    pub(crate) fn of(&mut self, batch: &Batch<'_>, (kind, bits): (u8, u64)) -> u32 {
        match kind {
            0 => 0,
            1 => self.texts.id(batch, bits as u32),
            _ => self.other(batch, kind, bits),
        }
    }

    fn other(&mut self, batch: &Batch<'_>, kind: u8, bits: u64) -> u32 {
        let bits = match kind {
            // What they hold stands in the pool.
            5..=7 => u64::from(self.texts.id(batch, bits as u32)),
            _ => bits,
        };
        let words = [VALUES, u32::from(kind), (bits >> 32) as u32, bits as u32];
        OTHER | self.path(ROOT, words)
    }
}
