//! What is decided about an item, by randomness and thresholds as OpenTelemetry's consistent sampling has them.

use spanmill_sampling::threshold::{NEVER, of_share};

/// The randomness of an item that has none: every threshold keeps it.
pub(crate) const ALL: u64 = NEVER - 1;

/// How consistent sampling goes on with what earlier samplers have decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rule {
    /// Items are kept up to this threshold; those sampled harder before pass.
    Equalizing(u64),
    /// This share of what comes is kept, with so many digits of the threshold.
    Proportional(f64, i64),
}

/// What an item says of an earlier decision.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Carried {
    pub randomness: Option<u64>,
    pub threshold: Option<u64>,
    /// Whether something cannot be read.
    pub is_malformed: bool,
}

/// What is decided about an item: it is kept if its randomness is not below the threshold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decision {
    pub randomness: u64,
    pub threshold: u64,
    /// Whether the randomness is written.
    pub is_new: bool,
    /// Whether the threshold may be written.
    pub may_write: bool,
    /// The threshold that came along: it is not lowered.
    pub floor: Option<u64>,
}

impl Decision {
    pub(crate) fn is_kept(&self) -> bool {
        self.randomness >= self.threshold
    }

    /// Whether the threshold is written: none that came along is lowered.
    pub(crate) fn writes_threshold(&self) -> bool {
        self.may_write && self.floor.is_none_or(|floor| self.threshold >= floor)
    }
}

impl Rule {
    /// Decides; `trace` is the randomness of the trace id, `failure` what an item gets that cannot be decided about.
    pub(crate) fn decide(&self, carried: Carried, trace: Option<u64>, failure: u64) -> Decision {
        let randomness = match carried.is_malformed {
            true => None,
            false => carried.randomness.or(trace),
        };
        let failed = Decision {
            randomness: randomness.unwrap_or(ALL),
            threshold: failure,
            is_new: false,
            may_write: !carried.is_malformed,
            floor: carried.threshold,
        };
        let Some(randomness) = randomness else {
            return failed;
        };
        // Who has kept it should not have: what it says of that is not believed.
        if carried.threshold.is_some_and(|known| known > randomness) {
            return Decision {
                floor: None,
                ..failed
            };
        }
        let threshold = match *self {
            Rule::Equalizing(threshold) => threshold.max(carried.threshold.unwrap_or(0)),
            Rule::Proportional(share, digits) => {
                let before = carried.threshold.unwrap_or(0);
                let kept = (NEVER - before) as f64 / NEVER as f64;
                of_share(kept * share, digits).unwrap_or(NEVER)
            }
        };
        Decision {
            threshold,
            ..failed
        }
    }
}
