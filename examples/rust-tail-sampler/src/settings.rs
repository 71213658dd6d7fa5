//! The settings.

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use spanmill_sdk::{ConfigError, Problems};

/// The component's section of the manifest.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long after its first span a trace is decided on, in ns.
    #[serde(deserialize_with = "duration")]
    pub wait: u64,
    /// A trace that takes longer, in ns, is kept; without one, none is kept for that.
    #[serde(deserialize_with = "optional_duration")]
    pub slower_than: Option<u64>,
    /// The share of the other traces that is kept.
    pub share: f64,
    /// How many traces wait; where there are more, the oldest are decided on at once.
    pub most_traces: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            wait: 10_000_000_000,
            slower_than: None,
            share: 0.0,
            most_traces: 50_000,
        }
    }
}

impl Settings {
    /// Finds what types cannot say.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut problems = Problems::new();
        if self.wait == 0 {
            problems.push("/wait", "must be above 0");
        }
        if !(0.0..=1.0).contains(&self.share) {
            problems.push("/share", "must be between 0 and 1");
        }
        if !(1..=200_000).contains(&self.most_traces) {
            problems.push("/most_traces", "must be between 1 and 200000");
        }
        problems.check()
    }
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    let text = String::deserialize(from)?;
    nanoseconds(&text).ok_or_else(|| {
        D::Error::custom("must be a whole number with a unit (ms, s or m), as in 500ms or 10s")
    })
}

fn optional_duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    duration(from).map(Some)
}

/// The nanoseconds of a duration such as `500ms`.
fn nanoseconds(text: &str) -> Option<u64> {
    let (number, unit) = text.split_at(text.find(|at: char| !at.is_ascii_digit())?);
    let unit = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(unit)
}
