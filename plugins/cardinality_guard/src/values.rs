//! The distinct values that a key has within a window, by hash: a value that has a place keeps it as long as it is used.
//!
//! A place is free again once its value was not used for a whole window. So in no window, wherever it begins, are there
//! more values than places, whether they come at once or one by one.

use hashbrown::HashTable;

/// Bytes that a value takes.
pub(crate) const VALUE_BYTES: usize = 24;

/// The values that have a place.
#[derive(Debug)]
pub(crate) struct Values {
    limit: usize,
    window: u64,
    /// Hash, and when it was last used, in seconds.
    places: HashTable<(u64, u64)>,
    /// No place gets free before.
    next_free: u64,
    now: u64,
}

impl Values {
    pub(crate) fn new(limit: usize, window: u64) -> Self {
        Values {
            limit,
            window,
            places: HashTable::new(),
            next_free: 0,
            now: 0,
        }
    }

    /// Begins a batch; time never goes back.
    pub(crate) fn start(&mut self, now: u64) {
        self.now = self.now.max(now);
        if self.places.len() >= self.limit && self.now >= self.next_free {
            self.free();
        }
    }

    /// Whether a value has a place, or gets one.
    pub(crate) fn admit(&mut self, hash: u64) -> bool {
        let now = self.now;
        if let Some(place) = self.places.find_mut(hash, |place| place.0 == hash) {
            place.1 = now;
            return true;
        }
        if self.places.len() >= self.limit {
            return false;
        }
        self.places
            .insert_unique(hash, (hash, now), |place| place.0);
        true
    }

    fn free(&mut self) {
        let (now, window) = (self.now, self.window);
        self.places
            .retain(|place| place.1.saturating_add(window) > now);
        let oldest = self.places.iter().map(|place| place.1).min();
        let next = oldest.unwrap_or(now).saturating_add(window);
        // Not at each batch where values come one by one.
        self.next_free = next.max(now.saturating_add(window / 64));
    }

    /// What is handed on: hashes, and when each was last used.
    pub(crate) fn saved(&self) -> Vec<(u64, u64)> {
        self.places.iter().copied().collect()
    }

    /// Takes over what was handed on; of too many, those used last.
    pub(crate) fn restore(&mut self, mut saved: Vec<(u64, u64)>) {
        self.places.clear();
        self.next_free = 0;
        saved.sort_unstable_by_key(|place| std::cmp::Reverse(place.1));
        for (hash, used) in saved {
            self.now = used;
            self.admit(hash);
        }
        self.now = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_cut_off_at_the_limit() {
        let mut values = Values::new(10, 3600);
        values.start(1000);
        let admitted = (0..100).filter(|hash| values.admit(*hash)).count();
        assert_eq!(admitted, 10);
        assert!(
            (0..10).all(|hash| values.admit(hash)),
            "they keep their places"
        );
    }

    #[test]
    fn slow_growth_never_shows_more_than_the_limit_in_any_window() {
        let (limit, window) = (10, 3600);
        let mut values = Values::new(limit, window);
        // A new value every two minutes: 30 a window.
        let mut shown: Vec<u64> = Vec::new();
        for number in 0..500 {
            let now = number * 120;
            values.start(now);
            if values.admit(number) {
                shown.push(now);
            }
        }
        for (at, first) in shown.iter().enumerate() {
            let within = shown[at..]
                .iter()
                .take_while(|&&time| time < first + window);
            assert!(within.count() <= limit, "from {first} on");
        }
        assert!(shown.len() > 100, "places get free: {}", shown.len());
    }

    #[test]
    fn a_value_in_use_keeps_its_place_and_one_that_is_not_loses_it() {
        let mut values = Values::new(2, 100);
        values.start(0);
        assert!(values.admit(1) && values.admit(2));
        for now in (0..1000).step_by(50) {
            values.start(now);
            assert!(values.admit(1));
        }
        values.start(1000);
        assert!(values.admit(3), "value 2 was not used for a window");
        assert!(!values.admit(2));
        // A clock that goes back frees nothing and breaks nothing.
        values.start(10);
        assert!(values.admit(1) && !values.admit(2));
    }

    #[test]
    fn of_too_many_values_handed_on_those_used_last_stay() {
        let mut values = Values::new(2, 100);
        values.restore(vec![(1, 10), (2, 30), (3, 20)]);
        values.start(40);
        assert!(values.admit(2) && values.admit(3) && !values.admit(1));
    }
}
