//! Keys that stand twice among the entries of a map that is put together: of their values the last one counts, where the first one stood.

/// Leaves one entry for each key. Takes `n log n` comparisons, whatever the keys are.
pub(crate) fn last_of_each<K: Ord, V>(mut entries: Vec<(K, V)>) -> Vec<(K, V)> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    // Equal keys in the order in which they stand.
    order.sort_by(|&one, &other| entries[one].0.cmp(&entries[other].0));
    let mut is_gone = vec![false; entries.len()];
    let mut moved = Vec::new();
    for same in order.chunk_by(|&one, &other| entries[one].0 == entries[other].0) {
        if let [first, .., last] = *same {
            same.iter().skip(1).for_each(|&at| is_gone[at] = true);
            moved.push((first, last));
        }
    }
    for (first, last) in moved {
        let (before, behind) = entries.split_at_mut(last);
        std::mem::swap(&mut before[first].1, &mut behind[0].1);
    }
    let mut gone = is_gone.into_iter();
    entries.retain(|_| !gone.next().unwrap_or(false));
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_value_counts_where_the_key_stood_first() {
        let entries = vec![("b", 1), ("a", 2), ("b", 3), ("c", 4), ("a", 5), ("b", 6)];
        assert_eq!(last_of_each(entries), [("b", 6), ("a", 5), ("c", 4)]);
        assert_eq!(last_of_each(vec![("b", 1), ("a", 2)]), [("b", 1), ("a", 2)]);
        assert_eq!(last_of_each(Vec::<(&str, u8)>::new()), []);
    }
}
