//! When there is little room left: new traces are sampled at once, span by span, with constant work and nothing held, until
//! there is room again.

use spanmill_sdk::Level;

use crate::adaptive::threshold;
use crate::settings::Overload as Settings;

/// How much room there is, and how much is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub traces: u64,
    pub most_traces: u64,
    pub bytes: u64,
    /// 0: no limit.
    pub most_bytes: u64,
}

impl Load {
    /// How much of the room is taken, in percent, and the setting that says how much there is.
    fn level(&self) -> (f64, &'static str) {
        let level = |taken: u64, most: u64| match most {
            0 => 0.0,
            most => taken as f64 / most as f64 * 100.0,
        };
        let traces = level(self.traces, self.most_traces);
        let bytes = level(self.bytes, self.most_bytes);
        match bytes > traces {
            true => (bytes, "max_bytes"),
            false => (traces, "num_traces"),
        }
    }
}

/// Whether there is an overload.
#[derive(Debug)]
pub(crate) struct Overload {
    activation: f64,
    deactivation: f64,
    least: u64,
    percentage: f64,
    threshold: u64,
    /// Since when there is one, ns since 1970.
    since: Option<u64>,
    /// Spans of new traces that were dropped and that went on since then.
    dropped: u64,
    passed: u64,
}

impl Overload {
    pub(crate) fn new(settings: &Settings) -> Self {
        Overload {
            activation: settings.activation_level,
            deactivation: settings.deactivation_level,
            least: settings.minimum_activation_duration.0.max(0) as u64,
            percentage: settings.sampling_percentage,
            threshold: threshold(settings.sampling_percentage / 100.0),
            since: None,
            dropped: 0,
            passed: 0,
        }
    }

    /// The threshold by which new traces are sampled, if there is an overload.
    pub(crate) fn threshold(&self) -> Option<u64> {
        self.since.map(|_| self.threshold)
    }

    /// Since when there is one.
    pub(crate) fn since(&self) -> Option<u64> {
        self.since
    }

    /// Takes over what another instance knew.
    pub(crate) fn restore(&mut self, since: Option<u64>) {
        self.since = since;
    }

    /// Notes what became of spans of new traces.
    pub(crate) fn note(&mut self, dropped: u64, passed: u64) {
        self.dropped += dropped;
        self.passed += passed;
    }

    /// Looks whether an overload begins or ends, and says so.
    pub(crate) fn look(&mut self, load: Load, now: u64) {
        let (level, setting) = load.level();
        match self.since {
            None if level >= self.activation => {
                self.since = Some(now);
                (self.dropped, self.passed) = (0, 0);
                let other = match setting {
                    "max_bytes" => "",
                    _ => ", or lower trace_timeout and decision_delay",
                };
                let message = format!(
                    "little room left: {level:.0} % of {setting} is taken; {} % of new traces are kept, and not held, until it is below {} %; raise {setting}{other}",
                    self.percentage, self.deactivation
                );
                spanmill_sdk::log(Level::Warn, &message);
            }
            Some(since) if level < self.deactivation && now.saturating_sub(since) >= self.least => {
                self.since = None;
                let message = format!(
                    "there is room again: of new traces {} spans were kept and {} dropped in {} s",
                    self.passed,
                    self.dropped,
                    now.saturating_sub(since) / 1_000_000_000
                );
                spanmill_sdk::log(Level::Info, &message);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn load(traces: u64, bytes: u64) -> Load {
        Load {
            traces,
            most_traces: 100,
            bytes,
            most_bytes: 1000,
        }
    }

    #[test]
    fn an_overload_ends_later_than_it_begins() {
        let mut overload = Overload::new(&Settings::default());
        for (second, traces, bytes, is_on) in [
            (0, 89, 0, false),
            (1, 90, 0, true),
            (2, 10, 0, true),
            (10, 10, 0, true),
            (11, 75, 0, true),
            (12, 74, 750, true),
            (13, 74, 749, false),
            (14, 89, 899, false),
            (15, 0, 900, true),
        ] {
            overload.look(load(traces, bytes), second * SECOND);
            assert_eq!(overload.threshold().is_some(), is_on, "after {second} s");
        }
    }

    #[test]
    fn bytes_without_a_limit_are_no_load() {
        let mut overload = Overload::new(&Settings::default());
        let without = Load {
            most_bytes: 0,
            ..load(0, u64::MAX)
        };
        overload.look(without, 0);
        assert_eq!(overload.threshold(), None);
    }
}
