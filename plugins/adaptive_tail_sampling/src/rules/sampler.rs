//! A rule's sampler: what its type needs is there, and nothing that its type does not use.

use spanmill_sdk::{Problems, closest};
use spanmill_settings::Duration;

use super::rule::Sampler;
use crate::adaptive::{Adaptive, Algorithm, Goal, Plan};
use crate::selector::Selector;
use crate::settings::{PERCENTAGE, SamplerSettings, is_percentage};

const KINDS: [&str; 4] = [
    "always_sample",
    "probabilistic",
    "adaptive_percentage",
    "adaptive_throughput",
];

/// Fingerprints with a rate of their own where nothing is said, and the most there are.
const DEFAULT_KEYS: u64 = 500;
const MOST_KEYS: u64 = 100_000;

/// Counts that a window may keep: steps, times fingerprints.
const MOST_COUNTS: u64 = 1_000_000;

const SECOND: u64 = 1_000_000_000;

/// What `initial_sampling_percentage` is where nothing is said.
const DEFAULT_INITIAL: f64 = 10.0;

/// One sampler's settings, and where they stand.
struct Reader<'a> {
    settings: &'a SamplerSettings,
    path: String,
    problems: &'a mut Problems,
}

/// Reads a rule's sampler; its selectors are added to those there are.
pub(super) fn sampler(
    settings: &SamplerSettings,
    path: &str,
    selectors: &mut Vec<Selector>,
    problems: &mut Problems,
) -> Sampler {
    let mut reader = Reader {
        settings,
        path: format!("{path}/sampler"),
        problems,
    };
    match settings.kind.as_str() {
        "always_sample" => {
            reader.refuse_others("always_sample", &[]);
            Sampler::fixed(1.0)
        }
        "probabilistic" => {
            let own = ["sampling_percentage"];
            reader.refuse_others("probabilistic", &own);
            let share = reader.percentage("sampling_percentage", settings.sampling_percentage);
            Sampler::fixed(share)
        }
        "adaptive_percentage" => reader.adaptive_percentage(selectors),
        "adaptive_throughput" => reader.adaptive_throughput(selectors),
        kind => {
            let all = KINDS.join(", ");
            let message = match (kind, closest(kind, KINDS)) {
                ("", _) => format!("a sampler needs a type: one of {all}"),
                (_, Some(meant)) => format!("unknown sampler {kind:?}; did you mean `{meant}`?"),
                _ => format!("unknown sampler {kind:?}; there are {all}"),
            };
            reader.mistake("type", message);
            Sampler::fixed(1.0)
        }
    }
}

impl Reader<'_> {
    fn mistake(&mut self, key: &str, message: impl Into<String>) {
        self.problems.push(format!("{}/{key}", self.path), message);
    }

    /// The share that a percentage is, which must be there.
    fn percentage(&mut self, key: &str, value: Option<f64>) -> f64 {
        match value {
            Some(value) if is_percentage(value) => value / 100.0,
            Some(_) => {
                self.mistake(key, PERCENTAGE);
                1.0
            }
            None => {
                self.mistake(key, format!("is missing; it {PERCENTAGE}"));
                1.0
            }
        }
    }

    /// Refuses keys that are set and that the type does not use.
    fn refuse_others(&mut self, what: &str, own: &[&str]) {
        let settings = self.settings;
        for (key, is_set) in [
            ("algorithm", settings.algorithm.is_some()),
            (
                "sampling_percentage",
                settings.sampling_percentage.is_some(),
            ),
            ("goal_percentage", settings.goal_percentage.is_some()),
            ("goal_throughput", settings.goal_throughput.is_some()),
            (
                "initial_sampling_percentage",
                settings.initial_sampling_percentage.is_some(),
            ),
            (
                "fingerprint_attributes",
                settings.fingerprint_attributes.is_some(),
            ),
            ("max_keys", settings.max_keys.is_some()),
            ("min_traces", settings.min_traces.is_some()),
            (
                "adjustment_interval",
                settings.adjustment_interval.is_some(),
            ),
            ("weight", settings.weight.is_some()),
            ("update_frequency", settings.update_frequency.is_some()),
            ("lookback_frequency", settings.lookback_frequency.is_some()),
        ] {
            if is_set && !own.contains(&key) {
                self.mistake(key, format!("{what} does not use it; remove it"));
            }
        }
        if settings.shared_counters.is_some() {
            let message = "extensions that share counts are not supported: remove it, and give each instance its part of goal_throughput";
            self.mistake("shared_counters", message);
        }
    }

    fn adaptive_percentage(&mut self, selectors: &mut Vec<Selector>) -> Sampler {
        let own = [
            "algorithm",
            "goal_percentage",
            "fingerprint_attributes",
            "max_keys",
            "min_traces",
            "adjustment_interval",
            "weight",
        ];
        self.refuse_others("adaptive_percentage", &own);
        match self.settings.algorithm.as_deref() {
            None | Some("ema") => {}
            Some("windowed") => self.mistake(
                "algorithm",
                "windowed is one of adaptive_throughput's; adaptive_percentage has ema",
            ),
            Some(_) => self.mistake("algorithm", "must be ema"),
        }
        let share = self.percentage("goal_percentage", self.settings.goal_percentage);
        let plan = Plan {
            goal: Goal::Share(share),
            algorithm: self.ema(),
            max_keys: self.max_keys() as usize,
            min_traces: self.settings.min_traces.unwrap_or(1),
            initial: share,
        };
        self.adaptive(plan, selectors)
    }

    fn adaptive_throughput(&mut self, selectors: &mut Vec<Selector>) -> Sampler {
        let mut own = vec![
            "algorithm",
            "goal_throughput",
            "initial_sampling_percentage",
            "fingerprint_attributes",
            "max_keys",
            "min_traces",
        ];
        let max_keys = self.max_keys();
        let algorithm = match self.settings.algorithm.as_deref() {
            None | Some("ema") => {
                own.extend(["adjustment_interval", "weight"]);
                self.refuse_others("adaptive_throughput with the algorithm ema", &own);
                self.ema()
            }
            Some("windowed") => {
                own.extend(["update_frequency", "lookback_frequency"]);
                self.refuse_others("adaptive_throughput with the algorithm windowed", &own);
                self.windowed(max_keys)
            }
            Some(other) => {
                let meant = closest(other, ["ema", "windowed"])
                    .map(|meant| format!("; did you mean `{meant}`?"))
                    .unwrap_or_default();
                self.mistake("algorithm", format!("must be ema or windowed{meant}"));
                self.ema()
            }
        };
        let goal = self.settings.goal_throughput.unwrap_or(0);
        if goal == 0 {
            let message = "is missing, or 0; it is how many spans a second are kept";
            self.mistake("goal_throughput", message);
        }
        let initial = self.settings.initial_sampling_percentage;
        let initial = initial.or(Some(DEFAULT_INITIAL));
        let plan = Plan {
            goal: Goal::PerSecond(goal as f64),
            algorithm,
            max_keys: max_keys as usize,
            min_traces: self.settings.min_traces.unwrap_or(1),
            initial: self.percentage("initial_sampling_percentage", initial),
        };
        self.adaptive(plan, selectors)
    }

    fn max_keys(&mut self) -> u64 {
        match self.settings.max_keys {
            None => DEFAULT_KEYS,
            Some(0) => MOST_KEYS,
            Some(keys) if keys <= MOST_KEYS => keys,
            Some(_) => {
                let message = format!("must be at most {MOST_KEYS}; 0 stands for that");
                self.mistake("max_keys", message);
                DEFAULT_KEYS
            }
        }
    }

    /// A duration; one that is not set, or 0, is the usual one.
    fn duration(&mut self, key: &str, value: Option<Duration>, usual: u64) -> u64 {
        match value.map_or(0, |duration| duration.0) {
            0 => usual,
            duration if duration > 0 => duration as u64,
            _ => {
                self.mistake(key, "must not be negative");
                usual
            }
        }
    }

    fn ema(&mut self) -> Algorithm {
        let interval = self.settings.adjustment_interval;
        let interval = self.duration("adjustment_interval", interval, 15 * SECOND);
        let weight = match self.settings.weight.unwrap_or(0.0) {
            0.0 => 0.5,
            weight if weight > 0.0 && weight < 1.0 => weight,
            _ => {
                let message = "must be at least 0 and below 1; 0 stands for 0.5";
                self.mistake("weight", message);
                0.5
            }
        };
        Algorithm::Ema { interval, weight }
    }

    fn windowed(&mut self, max_keys: u64) -> Algorithm {
        let step = self.settings.update_frequency;
        let step = self.duration("update_frequency", step, SECOND);
        let lookback = self.settings.lookback_frequency;
        let lookback = self.duration("lookback_frequency", lookback, step.saturating_mul(30));
        let steps = lookback / step.max(1);
        if steps == 0 {
            let message = "must not be shorter than update_frequency";
            self.mistake("lookback_frequency", message);
        } else if steps.saturating_mul(max_keys) > MOST_COUNTS {
            let message = format!(
                "{steps} steps for each of {max_keys} fingerprints are more than {MOST_COUNTS} counts; raise update_frequency, or lower this or max_keys"
            );
            self.mistake("lookback_frequency", message);
        }
        let steps = steps.clamp(1, MOST_COUNTS) as usize;
        Algorithm::Windowed { step, steps }
    }

    fn adaptive(&mut self, plan: Plan, selectors: &mut Vec<Selector>) -> Sampler {
        let texts = self.settings.fingerprint_attributes.as_deref();
        let texts = texts.unwrap_or_default();
        if texts.is_empty() {
            let message = "is missing; name at least one: resource.attributes[\"service.name\"]";
            self.mistake("fingerprint_attributes", message);
        }
        let mut own = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            match Selector::parse(text) {
                Ok(selector) => {
                    let known = selectors.iter().position(|known| *known == selector);
                    own.push(known.unwrap_or_else(|| {
                        selectors.push(selector);
                        selectors.len() - 1
                    }));
                }
                Err(message) => self.mistake(&format!("fingerprint_attributes/{at}"), message),
            }
        }
        Sampler::Adaptive {
            sampler: Box::new(Adaptive::new(plan)),
            selectors: own,
        }
    }
}
