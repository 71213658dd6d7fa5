//! How a goal is divided among fingerprints.
//!
//! What each may keep follows its weight, between what it must keep and all that it has: one that has less than its part is
//! kept whole, and what it leaves goes to the others. So the parts add up to the goal wherever that is possible.

/// What a fingerprint has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Spans of an interval, of which there are at most so many to keep.
    pub count: f64,
    /// What it keeps whatever the goal: at most `count`.
    pub least: f64,
    /// Its part of the goal, against the others'.
    pub weight: f64,
}

impl Wanted {
    /// What it keeps at a level.
    pub(crate) fn kept(&self, level: f64) -> f64 {
        (level * self.weight).max(self.least).min(self.count)
    }
}

/// Halvings of the interval in which the level lies: more than a double has bits.
const STEPS: usize = 64;

/// The level at which they keep the goal together, or as near to it as they can.
pub(crate) fn level(wanted: &[Wanted], goal: f64) -> f64 {
    let total = |level: f64| -> f64 { wanted.iter().map(|one| one.kept(level)).sum() };
    let highest = |one: &Wanted| match one.weight > 0.0 {
        true => one.count / one.weight,
        false => 0.0,
    };
    // Above this level all are kept whole.
    let mut high = wanted.iter().map(highest).fold(0.0, f64::max);
    if total(high) <= goal {
        return high;
    }
    let mut low = 0.0;
    for _ in 0..STEPS {
        let middle = low + (high - low) / 2.0;
        match total(middle) > goal {
            true => high = middle,
            false => low = middle,
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn wanted(count: f64, least: f64) -> Wanted {
        Wanted {
            count,
            least,
            weight: count.ln_1p(),
        }
    }

    fn kept(wanted: &[Wanted], goal: f64) -> Vec<f64> {
        let level = level(wanted, goal);
        let kept = wanted.iter().map(|one| one.kept(level));
        kept.map(|spans| (spans * 10.0).round() / 10.0).collect()
    }

    #[test]
    fn what_small_ones_leave_goes_to_the_others() {
        let equal = |count| Wanted {
            count,
            least: 0.0,
            weight: 1.0,
        };
        assert_eq!(kept(&[equal(2.0), equal(100.0)], 50.0), [2.0, 48.0]);
        assert_eq!(kept(&[equal(2.0), equal(3.0)], 50.0), [2.0, 3.0]);
        assert_eq!(kept(&[], 50.0), [0.0; 0]);
    }

    #[test]
    fn what_must_be_kept_is_taken_from_the_others() {
        let kept = kept(&[wanted(10.0, 10.0), wanted(1e6, 5.0)], 100.0);
        assert_eq!(kept, [10.0, 90.0]);
    }

    proptest! {
        #[test]
        fn the_goal_is_met_where_it_can_be(
            counts in prop::collection::vec((1.0f64..1e7, 0.0f64..1.0), 1..100),
            share in 0.0f64..1.2,
        ) {
            let wanted: Vec<Wanted> =
                counts.iter().map(|(count, least)| wanted(*count, count * least * 0.5)).collect();
            let all: f64 = wanted.iter().map(|one| one.count).sum();
            let least: f64 = wanted.iter().map(|one| one.least).sum();
            let goal = (all * share).clamp(least, all);
            let level = level(&wanted, goal);
            let kept: Vec<f64> = wanted.iter().map(|one| one.kept(level)).collect();
            let total: f64 = kept.iter().sum();
            prop_assert!((total - goal).abs() <= goal * 1e-6 + 1e-6, "{total} instead of {goal}");
            for (one, kept) in wanted.iter().zip(kept) {
                prop_assert!(one.least - 1e-9 <= kept && kept <= one.count);
            }
        }
    }
}
