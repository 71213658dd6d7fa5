//! Samplers whose rates follow the traffic: for each fingerprint a threshold, computed anew after each interval from how many
//! spans came, so that what is kept meets the goal.
//!
//! Spans of traces that were sampled before they came count for those that they stand for. So thresholds are shares of all
//! traces there were, and a goal holds whatever was sampled before.

mod keys;
mod plan;
mod rates;
#[cfg(test)]
mod tests;

pub(crate) use self::keys::Key;
use self::keys::Keys;
pub(crate) use self::plan::{Algorithm, Goal, Plan};
use self::rates::Rates;
pub(crate) use self::rates::threshold;

const SECOND: u64 = 1_000_000_000;

/// Intervals before bursts are looked for, and what is one: so many times what was expected of the whole interval.
const QUIET_INTERVALS: u64 = 3;
const BURST: f64 = 2.0;

/// A trace to be decided on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Observed {
    pub spans: u32,
    /// How many traces it stands for.
    pub stands_for: f64,
    pub now: u64,
}

/// One sampler.
#[derive(Debug)]
pub(crate) struct Adaptive {
    pub(crate) plan: Plan,
    pub(crate) keys: Keys,
    /// When the interval at hand began, or the step; 0: nothing has come.
    pub(crate) begun: u64,
    /// When counting for the minimum began.
    pub(crate) counted_since: u64,
    /// Intervals or steps that have passed.
    pub(crate) passed: u64,
    /// Spans of the interval at hand.
    pub(crate) seen: f64,
    rates: Rates,
}

impl Adaptive {
    pub(crate) fn new(plan: Plan) -> Self {
        let initial = threshold(plan.initial);
        Adaptive {
            keys: Keys::new(plan.max_keys, initial),
            plan,
            begun: 0,
            counted_since: 0,
            passed: 0,
            seen: 0.0,
            rates: Rates::default(),
        }
    }

    /// Counts a trace, and returns the threshold it is to be sampled by. That depends on traces that came before, and not on
    /// the trace's randomness: so a trace that is kept stands for as many as its threshold says.
    pub(crate) fn observe(&mut self, fingerprint: &str, observed: Observed) -> u64 {
        self.advance(observed.now);
        let mut at = self.keys.find_or_add(fingerprint);
        let spans = f64::from(observed.spans.max(1)) * observed.stands_for;
        self.seen += spans;
        let key = self.keys.get_mut(at);
        key.add(observed.spans, spans);
        if self.is_burst() {
            self.adjust(observed.now);
            // Others may have been forgotten. It is the first of the interval that begins.
            at = self.keys.find_or_add(fingerprint);
            self.keys.get_mut(at).kept_first = 1;
        }
        let key = self.keys.get(at);
        match key.kept_first <= self.plan.min_traces {
            true => 0,
            false => key.threshold,
        }
    }

    /// Ends the interval at hand if its time is over.
    pub(crate) fn advance(&mut self, now: u64) {
        if self.begun == 0 {
            (self.begun, self.counted_since) = (now, now);
            return;
        }
        let elapsed = now.saturating_sub(self.begun);
        match self.plan.algorithm {
            Algorithm::Ema { interval, .. } => {
                if elapsed >= interval {
                    self.passed = self.passed.saturating_add(1);
                    self.adjust(now);
                }
            }
            Algorithm::Windowed { step, steps } => {
                let over = elapsed / step.max(1);
                if over > 0 {
                    self.step(over, steps);
                    self.begun = self.begun.saturating_add(over.saturating_mul(step));
                }
                if now.saturating_sub(self.counted_since) >= self.plan.interval() {
                    self.keys.count_anew();
                    self.counted_since = now;
                }
            }
        }
    }

    fn is_burst(&self) -> bool {
        let is_ema = matches!(self.plan.algorithm, Algorithm::Ema { .. });
        is_ema
            && self.passed >= QUIET_INTERVALS
            && self.rates.expected > 0.0
            && self.seen >= self.rates.expected * BURST
    }

    /// Averages what came in the interval, which may have ended early, and computes rates.
    fn adjust(&mut self, now: u64) {
        let Algorithm::Ema { interval, weight } = self.plan.algorithm else {
            return;
        };
        let elapsed = now.saturating_sub(self.begun).max(SECOND.min(interval));
        self.begun = now;
        self.keys.count_anew();
        self.counted_since = now;
        // Where nothing comes at all, averages are kept: traffic pauses, or does not reach us.
        if self.seen <= 0.0 {
            return;
        }
        self.seen = 0.0;
        self.keys
            .average(weight, interval as f64 / elapsed.max(1) as f64);
        self.compute();
    }

    /// Adds steps to the window, of which the last may have been empty.
    fn step(&mut self, over: u64, steps: usize) {
        self.passed = self.passed.saturating_add(over);
        self.seen = 0.0;
        self.keys.step(over, steps);
        self.compute();
    }

    /// Computes rates from what is known, for the goal.
    pub(crate) fn compute(&mut self) {
        let seconds = match self.plan.algorithm {
            Algorithm::Ema { interval, .. } => interval as f64 / SECOND as f64,
            // A window that is not full yet covers less.
            Algorithm::Windowed { step, steps } => {
                let covered = self.passed.min(steps as u64).max(1);
                step as f64 * covered as f64 / SECOND as f64
            }
        };
        self.rates.compute(&self.plan, seconds, &mut self.keys);
    }
}
