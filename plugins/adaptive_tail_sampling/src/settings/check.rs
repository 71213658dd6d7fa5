//! What types cannot say of the settings. Rules are checked where they are compiled.

use spanmill_sdk::{ConfigError, Problems, closest};

use super::Settings;

/// Limit on `num_traces` and on each decision cache.
const MAX_TRACES: u64 = 100_000_000;

const RECORD_MODES: [&str; 3] = ["none", "value", "hash"];

/// Whether it can be a percentage of traces that are kept.
pub(crate) fn is_percentage(value: f64) -> bool {
    value > 0.0 && value <= 100.0
}

/// What percentages must be, for messages.
pub(crate) const PERCENTAGE: &str = "must be above 0 and at most 100";

impl Settings {
    pub(crate) fn check(&self, mut problems: Problems) -> Result<(), ConfigError> {
        self.check_times_and_sizes(&mut problems);
        self.check_eviction(&mut problems);
        self.check_overload(&mut problems);
        let mode = self.record_fingerprint.as_str();
        if !RECORD_MODES.contains(&mode) {
            let meant = closest(mode, RECORD_MODES)
                .map(|meant| format!("; did you mean `{meant}`?"))
                .unwrap_or_default();
            let message = format!("must be none, value or hash{meant}");
            problems.push("/record_fingerprint", message);
        }
        if !self.fleet_tracker.is_null() {
            problems.push(
                "/fleet_tracker",
                "extensions that count instances are not supported: remove it, and give each instance its part of goal_throughput",
            );
        }
        if self.rules.is_empty() {
            problems.push(
                "/rules",
                "there must be at least one; without any, every trace would be dropped",
            );
        }
        problems.check()
    }

    fn check_times_and_sizes(&self, problems: &mut Problems) {
        for (path, duration) in [
            ("/trace_timeout", self.trace_timeout),
            ("/decision_delay", self.decision_delay),
        ] {
            if duration.0 <= 0 {
                problems.push(path, "must be above 0");
            }
        }
        let cache = &self.decision_cache;
        for (path, size, least) in [
            ("/num_traces", self.num_traces, 1),
            (
                "/decision_cache/sampled_cache_size",
                cache.sampled_cache_size,
                0,
            ),
            (
                "/decision_cache/non_sampled_cache_size",
                cache.non_sampled_cache_size,
                0,
            ),
        ] {
            if !(least..=MAX_TRACES).contains(&size) {
                problems.push(path, format!("must be between {least} and {MAX_TRACES}"));
            }
        }
    }

    fn check_eviction(&self, problems: &mut Problems) {
        let path = "/eviction/sampling_percentage";
        let percentage = self.eviction.sampling_percentage;
        match (self.eviction.policy.as_str(), percentage) {
            ("" | "evaluate", None) => {}
            ("" | "evaluate", Some(_)) => problems.push(
                path,
                "is used by `policy: probabilistic` only; remove it, or set that policy",
            ),
            ("probabilistic", Some(percentage)) if is_percentage(percentage) => {}
            ("probabilistic", Some(_)) => problems.push(path, PERCENTAGE),
            ("probabilistic", None) => {
                problems.push(
                    path,
                    format!("is needed by `policy: probabilistic`; it {PERCENTAGE}"),
                );
            }
            _ => problems.push("/eviction/policy", "must be evaluate or probabilistic"),
        }
    }

    fn check_overload(&self, problems: &mut Problems) {
        let Some(overload) = &self.overload else {
            return;
        };
        let (activation, deactivation) = (overload.activation_level, overload.deactivation_level);
        if !is_percentage(activation) {
            problems.push("/overload/activation_level", PERCENTAGE);
        } else if !(0.0..=activation).contains(&deactivation) {
            problems.push(
                "/overload/deactivation_level",
                format!("must be between 0 and activation_level, which is {activation}"),
            );
        }
        if overload.minimum_activation_duration.0 < 0 {
            problems.push(
                "/overload/minimum_activation_duration",
                "must not be negative",
            );
        }
        if !is_percentage(overload.sampling_percentage) {
            problems.push("/overload/sampling_percentage", PERCENTAGE);
        }
    }
}
