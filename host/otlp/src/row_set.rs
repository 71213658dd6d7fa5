//! Sets of a batch's rows.

/// Spans, log records or data points of a batch, by the numbers that they came with: a bit each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet {
    words: Box<[u64]>,
}

impl RowSet {
    /// None of so many rows.
    pub fn none(rows: usize) -> Self {
        RowSet {
            words: vec![0; rows.div_ceil(64)].into(),
        }
    }

    /// Adds a row; nothing if there is no such row.
    pub fn insert(&mut self, row: u32) {
        if let Some(word) = self.words.get_mut(row as usize / 64) {
            *word |= 1 << (row % 64);
        }
    }

    /// Whether a row is in it.
    pub fn has(&self, row: u32) -> bool {
        let word = self.words.get(row as usize / 64);
        word.is_some_and(|word| word >> (row % 64) & 1 != 0)
    }

    /// Whether no row is in it.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// Bytes on the heap.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.words)
    }
}

impl FromIterator<bool> for RowSet {
    /// The rows whose flag is set.
    fn from_iter<T: IntoIterator<Item = bool>>(flags: T) -> Self {
        let mut words = Vec::new();
        for (row, flag) in flags.into_iter().enumerate() {
            if row % 64 == 0 {
                words.push(0);
            }
            if let Some(word) = words.last_mut() {
                *word |= u64::from(flag) << (row % 64);
            }
        }
        RowSet {
            words: words.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RowSet;

    #[test]
    fn a_set_has_what_was_put_in_and_nothing_else() {
        let mut set = RowSet::none(130);
        for row in [0, 63, 64, 129, 1_000_000] {
            set.insert(row);
        }
        let has: Vec<u32> = (0..200).filter(|row| set.has(*row)).collect();
        assert_eq!(has, [0, 63, 64, 129]);
        assert_eq!(set, (0..130).map(|row| has.contains(&row)).collect());
        assert!(!set.is_empty() && RowSet::none(130).is_empty());
    }
}
