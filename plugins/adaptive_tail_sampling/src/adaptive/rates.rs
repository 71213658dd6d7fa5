//! From what is expected of each fingerprint to its threshold.

use spanmill_sampling::threshold::{NEVER, of_share};

use super::keys::{Key, Keys};
use super::plan::{Algorithm, Goal, Plan};
use crate::allocate::{Wanted, level};

/// Digits of thresholds, as the Collector's `pkg/sampling` has them where nothing is said.
const DIGITS: i64 = 14;

/// How much of the goal's share is left, whatever the minimum takes: nothing is ever dropped for sure, or nobody could say
/// how many traces there were.
const FLOOR: f64 = 0.1;

/// The smallest share that is ever kept.
const SMALLEST: f64 = 1e-12;

/// The threshold of a share of traces that are kept.
pub(crate) fn threshold(share: f64) -> u64 {
    match share >= 1.0 {
        true => 0,
        false => of_share(share.max(SMALLEST), DIGITS).unwrap_or(NEVER - 1),
    }
}

/// Memory for what is computed.
#[derive(Debug, Default)]
pub(super) struct Rates {
    wanted: Vec<Wanted>,
    /// Spans that are expected in an interval, of all fingerprints together.
    pub expected: f64,
}

/// Spans of a fingerprint that has come lately.
fn count(key: &Key) -> Option<f64> {
    (key.average > 0.0).then(|| key.average.max(1.0))
}

/// How counts become what is wanted.
struct Measure {
    is_ema: bool,
    min_traces: f64,
    /// What is kept of those behind the minimum, whatever the goal.
    floor: f64,
}

impl Measure {
    /// Spans that the minimum keeps.
    fn minimum(&self, key: &Key, count: f64) -> f64 {
        (self.min_traces * key.size).min(count)
    }

    fn wanted(&self, key: &Key, count: f64) -> Wanted {
        let minimum = self.minimum(key, count);
        Wanted {
            count,
            least: minimum + self.floor * (count - minimum),
            // A tenfold count weighs about one step more, so that small ones show beside large ones; over a window
            // all weigh the same.
            weight: if self.is_ema { count.ln_1p() } else { 1.0 },
        }
    }
}

impl Rates {
    /// Gives each fingerprint its threshold. The goal is that of so many seconds.
    pub(super) fn compute(&mut self, plan: &Plan, seconds: f64, keys: &mut Keys) {
        let expected = |key: &&Key| key.is_expected;
        self.expected = keys.iter().filter(expected).filter_map(count).sum();
        let goal = match plan.goal {
            Goal::Share(share) => share * self.expected,
            Goal::PerSecond(spans) => spans * seconds,
        };
        let measure = Measure {
            is_ema: matches!(plan.algorithm, Algorithm::Ema { .. }),
            min_traces: f64::from(plan.min_traces),
            floor: match self.expected > 0.0 {
                true => FLOOR * (goal / self.expected).min(1.0),
                false => FLOOR,
            },
        };
        self.wanted.clear();
        let wanted = keys.iter().filter(expected);
        let wanted = wanted.filter_map(|key| Some(measure.wanted(key, count(key)?)));
        self.wanted.extend(wanted);
        let level = level(&self.wanted, goal);
        let initial = threshold(plan.initial);
        if measure.is_ema && self.expected > 0.0 {
            // One that was not there in the last interval is rare.
            keys.unknown = 0;
        }
        let unknown = keys.unknown;
        for (at, key) in keys.iter_mut().enumerate() {
            let Some(count) = count(key) else {
                // Those that share one are not rare, only late.
                key.threshold = if at == 0 { initial } else { unknown };
                continue;
            };
            let minimum = measure.minimum(key, count);
            let rest = count - minimum;
            let kept = measure.wanted(key, count).kept(level);
            key.threshold = match rest > count * 1e-9 {
                true => threshold((kept - minimum) / rest),
                false => 0,
            };
        }
    }
}
