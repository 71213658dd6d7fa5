//! What a sampler is to do.

/// What is to be kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Goal {
    /// A share of all spans.
    Share(f64),
    /// Spans a second.
    PerSecond(f64),
}

/// How counts of spans become an estimate of those to come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Algorithm {
    /// An exponential moving average of intervals.
    Ema { interval: u64, weight: f64 },
    /// The sum of the last so many steps.
    Windowed { step: u64, steps: usize },
}

/// A sampler's settings.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub goal: Goal,
    pub algorithm: Algorithm,
    /// Fingerprints that have a rate of their own; those that come later share one.
    pub max_keys: usize,
    /// Traces of each fingerprint that are kept in each interval whatever its rate.
    pub min_traces: u32,
    /// The share that is kept as long as nothing is known.
    pub initial: f64,
}

impl Plan {
    /// The time over which counts are compared with the goal, and the minimum holds, ns.
    pub(crate) fn interval(&self) -> u64 {
        match self.algorithm {
            Algorithm::Ema { interval, .. } => interval,
            Algorithm::Windowed { step, steps } => step.saturating_mul(steps as u64),
        }
    }
}
