//! The settings, as the Collector reads them, and a few of our own.

mod check;

pub(crate) use self::check::{PERCENTAGE, is_percentage};

use serde::Deserialize;
use serde_json::Value;
use spanmill_settings::Duration;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long after its first span a trace without a root span is due; looked at once a second.
    pub(crate) trace_timeout: Duration,
    /// How long to wait for other spans once a trace is due.
    pub(crate) decision_delay: Duration,
    /// How many traces may wait in an instance; beyond it the oldest are decided on at once.
    pub(crate) num_traces: u64,
    /// Ours: how many bytes of spans, as encoded, may wait in an instance; beyond it likewise; 0: as many as
    /// `limits.held_mib` allows, and then senders wait.
    pub(crate) max_bytes: u64,
    /// A trace with so many spans is decided on at once; 0: none is.
    pub(crate) span_limit: u32,
    pub(crate) decision_cache: DecisionCache,
    /// In order; the first that matches decides; at least one. See below.
    pub(crate) rules: Vec<RuleSettings>,
    /// OTTL: which spans count as root spans.
    #[cfg_attr(test, schemars(extend("default" = "IsRootSpan()")))]
    pub(crate) root_span_condition: String,
    /// Whether spans say their trace's fingerprint.
    #[cfg_attr(test, schemars(extend("enum" = ["none", "value", "hash"])))]
    pub(crate) record_fingerprint: String,
    pub(crate) eviction: Eviction,
    /// Ours: see below; without it there is none.
    pub(crate) overload: Option<Overload>,
    /// An extension of the Collector's, which is an error.
    fleet_tracker: Value,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            trace_timeout: Duration(30_000_000_000),
            decision_delay: Duration(2_000_000_000),
            num_traces: 50_000,
            max_bytes: 0,
            span_limit: 10_000,
            decision_cache: DecisionCache::default(),
            rules: Vec::new(),
            root_span_condition: String::new(),
            record_fingerprint: "none".to_owned(),
            eviction: Eviction::default(),
            overload: None,
            fleet_tracker: Value::Null,
        }
    }
}

/// How many decisions are remembered after their traces have left.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DecisionCache {
    /// How many decisions are remembered for late spans; 0: late spans are new traces.
    pub sampled_cache_size: u64,
    /// The same, of traces that were not sampled.
    pub non_sampled_cache_size: u64,
}

impl Default for DecisionCache {
    fn default() -> Self {
        DecisionCache {
            sampled_cache_size: 10_000,
            non_sampled_cache_size: 10_000,
        }
    }
}

/// What becomes of the oldest traces where there is no room.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Eviction {
    /// How the oldest are decided on where there is no room: by the rules, or by the threshold of
    /// `eviction.sampling_percentage`.
    #[cfg_attr(test, schemars(extend("enum" = ["", "evaluate", "probabilistic"], "default" = "evaluate")))]
    pub policy: String,
    /// Of `probabilistic`: which share of them is kept.
    pub sampling_percentage: Option<f64>,
}

/// When new traces are sampled at once, and when no longer.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Overload {
    pub activation_level: f64,
    pub deactivation_level: f64,
    pub minimum_activation_duration: Duration,
    pub sampling_percentage: f64,
}

impl Default for Overload {
    fn default() -> Self {
        Overload {
            activation_level: 90.0,
            deactivation_level: 75.0,
            minimum_activation_duration: Duration(10_000_000_000),
            sampling_percentage: 1.0,
        }
    }
}

/// One rule.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RuleSettings {
    pub name: String,
    pub conditions: Vec<String>,
    #[serde(rename = "match")]
    pub matching: String,
    pub sampler: SamplerSettings,
}

/// A rule's sampler. What its type does not use must not be set.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SamplerSettings {
    #[serde(rename = "type")]
    pub kind: String,
    pub algorithm: Option<String>,
    pub sampling_percentage: Option<f64>,
    pub goal_percentage: Option<f64>,
    pub goal_throughput: Option<u64>,
    pub initial_sampling_percentage: Option<f64>,
    pub fingerprint_attributes: Option<Vec<String>>,
    pub max_keys: Option<u64>,
    /// Ours: how many traces of each fingerprint are kept in each interval, whatever the rate.
    pub min_traces: Option<u32>,
    pub adjustment_interval: Option<Duration>,
    pub weight: Option<f64>,
    pub update_frequency: Option<Duration>,
    pub lookback_frequency: Option<Duration>,
    /// Another extension, which is refused.
    pub shared_counters: Option<Value>,
}
