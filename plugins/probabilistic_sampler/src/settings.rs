//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_sdk::{ConfigError, Problems};

use spanmill_sampling::threshold::{NEVER, SMALLEST, of_share};

use crate::rule::Rule;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Share kept, in percent; 100 and more keep everything.
    pub(crate) sampling_percentage: f32,
    /// Samplers with different seeds decide independently; give those of one tier the same.
    pub(crate) hash_seed: u32,
    /// How decisions are made.
    #[cfg_attr(test, schemars(extend("enum" = ["", "hash_seed", "equalizing", "proportional"], "default" = "hash_seed")))]
    mode: String,
    /// Drops what cannot be decided about.
    pub(crate) fail_closed: bool,
    /// Hex digits of thresholds, from 1 to 14; those that say nothing are left out.
    pub(crate) sampling_precision: i64,
    /// Logs, mode `hash_seed`: whether the trace id is hashed, if a record has one.
    #[cfg_attr(test, schemars(extend("enum" = ["traceID", "record"])))]
    attribute_source: String,
    /// Logs, mode `hash_seed`: the attribute to hash where the trace id is not.
    pub(crate) from_attribute: String,
    /// Logs: the attribute that asks for a share of its own, a number from 0 to 100.
    pub(crate) sampling_priority: String,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            sampling_percentage: 0.0,
            hash_seed: 0,
            mode: String::new(),
            fail_closed: true,
            sampling_precision: 4,
            attribute_source: TRACE_ID.to_owned(),
            from_attribute: String::new(),
            sampling_priority: String::new(),
        }
    }
}

/// The name of the trace id as a source of randomness.
const TRACE_ID: &str = "traceID";

impl Settings {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new();
        let ratio = f64::from(self.sampling_percentage) / 100.0;
        if !ratio.is_finite() || ratio < 0.0 {
            problems.push(
                "/sampling_percentage",
                "must be a number from 0 up; 100 and more keep everything",
            );
        } else if ratio > 0.0 && ratio < SMALLEST {
            problems.push(
                "/sampling_percentage",
                "is too small to be expressed; use 0 to keep nothing",
            );
        }
        match self.mode.as_str() {
            "" | "hash_seed" | "proportional" | "equalizing" => {}
            _ => problems.push("/mode", "must be hash_seed, proportional or equalizing"),
        }
        if !(1..=14).contains(&self.sampling_precision) {
            problems.push("/sampling_precision", "must be from 1 to 14 hex digits");
        }
        if !matches!(self.attribute_source.as_str(), "" | "traceID" | "record") {
            problems.push("/attribute_source", "must be traceID or record");
        }
        problems.check()
    }

    /// How consistent sampling is done; `None`: by hashes, or not at all.
    pub(crate) fn rule(&self) -> Option<Rule> {
        let share = f64::from(self.sampling_percentage.min(100.0)) / 100.0;
        if share == 0.0 {
            return None;
        }
        match self.mode.as_str() {
            "equalizing" => {
                let threshold = of_share(share, self.sampling_precision);
                Some(Rule::Equalizing(threshold.unwrap_or(NEVER)))
            }
            "proportional" => Some(Rule::Proportional(share, self.sampling_precision)),
            _ => None,
        }
    }

    /// The threshold of an item that cannot be decided about.
    pub(crate) fn failure(&self) -> u64 {
        match self.fail_closed {
            true => NEVER,
            false => 0,
        }
    }

    /// Whether the trace id of a log record decides about it.
    pub(crate) fn by_trace_id(&self) -> bool {
        self.attribute_source == TRACE_ID
    }

    /// The randomness from which on items are kept, of 56 bits.
    pub(crate) fn threshold(&self) -> u64 {
        u64::from(0x4000 - self.kept_buckets()) << 42
    }

    /// How many of the 16,384 buckets are kept. In 32-bit precision and rounded towards zero, as the
    /// Collector does it, so that both keep the same traces.
    pub(crate) fn kept_buckets(&self) -> u32 {
        (self.sampling_percentage.min(100.0) * (16_384.0 / 100.0) as f32) as u32
    }
}
