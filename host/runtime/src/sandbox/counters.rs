//! A guest's own counters. Their names are fixed once it is configured: a name made up later could carry an attribute's
//! value to whoever reads the counters.

/// Counters that a plugin may have.
const COUNTERS: usize = 64;
/// The longest name, in bytes.
const NAME_BYTES: usize = 128;

/// What one instance has counted since it was last asked.
pub(crate) struct Counters {
    counts: Vec<(Box<str>, u64)>,
    phase: Phase,
    component: Box<str>,
    told: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Names that are used are added.
    Configuring,
    /// The names are fixed.
    Fixed,
    /// A name was used that no counter may have: nothing is looked at any more. Long names cost time.
    Closed,
}

impl Counters {
    pub(crate) fn new(component: &str) -> Self {
        Counters {
            counts: Vec::new(),
            phase: Phase::Configuring,
            component: component.into(),
            told: false,
        }
    }

    /// Whether calls are of use still.
    pub(crate) fn are_open(&self) -> bool {
        self.phase != Phase::Closed
    }

    /// The place of a name, if it has one.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let same = |(known, _): &(Box<str>, u64)| **known == *name;
        self.counts.iter().position(same)
    }

    /// Adds to the counter at a place.
    pub(crate) fn add(&mut self, at: usize, delta: u64) {
        if let Some((_, total)) = self.counts.get_mut(at) {
            *total = total.saturating_add(delta);
        }
    }

    /// Takes in a name without a place. The name is not logged: it may be a value.
    pub(crate) fn unknown(&mut self, name: &str, delta: u64) {
        if name.len() > NAME_BYTES {
            self.phase = Phase::Closed;
            self.tell(
                "a counter's name is longer than 128 bytes; its counters are not counted any more",
            );
        } else if self.phase == Phase::Configuring && self.counts.len() < COUNTERS {
            self.counts.push((name.into(), delta));
        } else if self.phase == Phase::Configuring {
            self.tell("it has more than 64 counters; the others are not counted");
        } else {
            self.tell("it used a counter that it did not name while it was configured; that is not counted");
        }
    }

    /// No further names from now on.
    pub(crate) fn fix(&mut self) {
        if self.phase == Phase::Configuring {
            self.phase = Phase::Fixed;
        }
    }

    /// Passes on what was counted since this was last asked.
    pub(crate) fn take(&mut self, mut each: impl FnMut(&str, u64)) {
        for (name, total) in self.counts.iter_mut().filter(|(_, total)| *total > 0) {
            each(name, std::mem::take(total));
        }
    }

    fn tell(&mut self, what: &str) {
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!(plugin = &*self.component, "{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(counters: &mut Counters, name: &str, delta: u64) {
        if !counters.are_open() {
            return;
        }
        match counters.find(name) {
            Some(at) => counters.add(at, delta),
            None => counters.unknown(name, delta),
        }
    }

    fn taken(counters: &mut Counters) -> Vec<(String, u64)> {
        let mut taken = Vec::new();
        counters.take(|name, total| taken.push((name.to_owned(), total)));
        taken
    }

    #[test]
    fn only_names_of_configure_are_counted() {
        let mut counters = Counters::new("mine");
        count(&mut counters, "declared", 0);
        count(&mut counters, "counted_at_once", 2);
        counters.fix();
        count(&mut counters, "declared", 3);
        count(&mut counters, "jane.doe@example.com", 1);
        assert_eq!(
            taken(&mut counters),
            [
                ("declared".to_owned(), 3),
                ("counted_at_once".to_owned(), 2)
            ]
        );
        assert_eq!(taken(&mut counters), []);
    }

    #[test]
    fn there_are_so_many_and_so_long() {
        let mut counters = Counters::new("mine");
        for number in 0..100 {
            count(&mut counters, &number.to_string(), 1);
        }
        assert_eq!(taken(&mut counters).len(), COUNTERS);
        assert!(counters.are_open());
        count(&mut counters, &"x".repeat(NAME_BYTES + 1), 1);
        assert!(!counters.are_open());
    }
}
