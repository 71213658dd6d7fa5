//! The settings, as the Collector reads them.

use serde::Deserialize;
use spanmill_sdk::{ConfigError, Problems};

use spanmill_sampling::threshold;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub(crate) sampling_percentage: f32,
    pub(crate) hash_seed: u32,
    mode: String,
    pub(crate) fail_closed: bool,
    pub(crate) sampling_precision: i64,
    // For logs only.
    attribute_source: String,
    pub(crate) from_attribute: String,
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
        } else if ratio > 0.0 && ratio < threshold::SMALLEST {
            problems.push(
                "/sampling_percentage",
                "is too small to be expressed; use 0 to keep nothing",
            );
        }
        match self.mode.as_str() {
            "" | "hash_seed" => {}
            mode @ ("proportional" | "equalizing") => {
                problems.push(
                    "/mode",
                    format!("mode {mode} is not supported; use hash_seed"),
                );
            }
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
