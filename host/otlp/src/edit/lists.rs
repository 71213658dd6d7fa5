//! What the attribute lists of a context gain and lose, until they are brought up to date.

use crate::attributes::{Pending, Store};

/// Keys whose readers are kept; there are seldom more among those that are written.
const KEYS: usize = 64;

/// Edits of the lists of a context that are made together.
#[derive(Default)]
pub(crate) struct ListEdits {
    pub(super) pending: Vec<Pending>,
    /// Whether entries are marked as removed.
    pub(super) has_holes: bool,
    /// Keys by their pool index, and the stages that may read their values.
    readers: Vec<(u32, u64)>,
}

impl ListEdits {
    /// The stages that may read the values of a key, which `work` finds out.
    pub(super) fn readers(&mut self, key: u32, work: impl FnOnce() -> u64) -> u64 {
        if let Some((_, readers)) = self.readers.iter().find(|(known, _)| *known == key) {
            return *readers;
        }
        let readers = work();
        if self.readers.len() < KEYS {
            self.readers.push((key, readers));
        }
        readers
    }

    /// Takes removed entries out of the lists, and puts new ones at their ends.
    pub(crate) fn settle(&mut self, store: &mut Store) {
        if self.has_holes {
            store.close_holes();
            self.has_holes = false;
        }
        if !self.pending.is_empty() {
            self.pending.sort_by_key(|pending| pending.row);
            store.insert(&self.pending);
            self.pending.clear();
        }
    }
}
