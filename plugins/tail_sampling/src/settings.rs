//! The settings, as the Collector reads them, and a few of our own.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use spanmill_ottl::ErrorMode;
use spanmill_sdk::{ConfigError, Problems};
use spanmill_settings::Duration;

/// The component's section of the manifest.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long after its first span a trace is decided on; looked at once a second.
    pub(crate) decision_wait: Duration,
    /// Decides this long after the root span came, if that is earlier; 0: does not.
    pub(crate) decision_wait_after_root_received: Duration,
    /// How many traces an instance knows of, decided on or not; beyond it the oldest are forgotten, and dropped where
    /// they wait.
    pub(crate) num_traces: u64,
    /// Senders are asked to wait (RESOURCE_EXHAUSTED, 429) while `num_traces` traces wait, and none is given up.
    pub(crate) block_on_overflow: bool,
    /// Accepted; nothing depends on it.
    #[serde(rename = "expected_new_traces_per_sec")]
    _expected_new_traces_per_sec: u64,
    /// What keeps or drops traces, see below; at least one.
    pub(crate) policies: Vec<PolicySettings>,
    pub(crate) decision_cache: DecisionCache,
    /// No policy is asked behind the first that samples.
    pub(crate) sample_on_first_match: bool,
    /// `trace-complete`; any other is an error.
    sampling_strategy: String,
    /// Not supported.
    tail_storage: Value,
    /// At the end, traces that wait are dropped instead of decided on with what has come.
    pub(crate) drop_pending_traces_on_shutdown: bool,
    /// A trace whose spans, as encoded, exceed this is dropped at once; 0: none is.
    pub(crate) maximum_trace_size_bytes: u64,
    /// Ours: how many bytes of spans, as encoded, may wait in an instance; beyond it the oldest traces are dropped; 0:
    /// as many as `limits.held_mib` allows.
    pub(crate) max_bytes: u64,
    /// Spans say in `tailsampling.policy` and `tailsampling.composite_policy` what sampled them, and in
    /// `tailsampling.cached_decision` that a cache knew; the Collector's gate `recordpolicy`, which writes into scopes.
    pub(crate) record_policy: bool,
    /// Spans say in their trace state by which threshold they were sampled (`ot=th:..`), and traces that speak of
    /// sampling there are sampled by their randomness: the Collector's gate `usetracestate`.
    pub(crate) use_trace_state: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            decision_wait: Duration(30_000_000_000),
            decision_wait_after_root_received: Duration(0),
            num_traces: 50_000,
            block_on_overflow: false,
            _expected_new_traces_per_sec: 0,
            policies: Vec::new(),
            decision_cache: DecisionCache::default(),
            sample_on_first_match: false,
            sampling_strategy: "trace-complete".to_owned(),
            tail_storage: Value::Null,
            drop_pending_traces_on_shutdown: false,
            maximum_trace_size_bytes: 0,
            max_bytes: 0,
            record_policy: false,
            use_trace_state: false,
        }
    }
}

/// How many decisions are remembered after their traces have left.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DecisionCache {
    /// How many decisions are remembered apart from `num_traces`; the least recently used are forgotten.
    pub sampled_cache_size: u64,
    /// The same, of traces that were not sampled.
    pub non_sampled_cache_size: u64,
}

/// One policy. What belongs to another type than `type` is accepted and not used, as in the Collector.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct PolicySettings {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    /// These two have no settings; the Collector takes a section of theirs all the same.
    #[serde(skip_serializing)]
    pub always_sample: Value,
    #[serde(skip_serializing)]
    pub trace_flags: Value,
    pub latency: Latency,
    pub numeric_attribute: NumericAttribute,
    pub probabilistic: Probabilistic,
    pub status_code: StatusCode,
    pub string_attribute: StringAttribute,
    pub rate_limiting: RateLimiting,
    pub bytes_limiting: BytesLimiting,
    pub span_count: SpanCount,
    pub trace_state: TraceState,
    pub boolean_attribute: BooleanAttribute,
    pub ottl_condition: OttlCondition,
    pub composite: Composite,
    pub and: And,
    pub not: Not,
    pub drop: Drop,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Latency {
    pub threshold_ms: i64,
    pub upper_threshold_ms: i64,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NumericAttribute {
    pub key: String,
    pub min_value: i64,
    pub max_value: i64,
    pub invert_match: bool,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Probabilistic {
    pub hash_salt: String,
    pub sampling_percentage: f64,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StatusCode {
    pub status_codes: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StringAttribute {
    pub key: String,
    pub values: Vec<String>,
    pub enabled_regex_matching: bool,
    pub cache_max_size: i64,
    pub invert_match: bool,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RateLimiting {
    pub spans_per_second: i64,
    pub burst_capacity: i64,
    /// Ours: a limit for each value of this attribute of spans or resources, in place of one for all traces.
    pub per_attribute: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BytesLimiting {
    pub bytes_per_second: i64,
    pub burst_capacity: i64,
    /// Ours: as that of `rate_limiting`.
    pub per_attribute: String,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct SpanCount {
    pub min_spans: i32,
    pub max_spans: i32,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TraceState {
    pub key: String,
    pub values: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BooleanAttribute {
    pub key: String,
    pub value: bool,
    pub invert_match: bool,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct OttlCondition {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_mode: Option<OttlErrorMode>,
    pub span: Vec<String>,
    pub spanevent: Vec<String>,
}

/// As [`ErrorMode`], to be written as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum OttlErrorMode {
    Ignore,
    Silent,
    Propagate,
}

impl From<OttlErrorMode> for ErrorMode {
    fn from(mode: OttlErrorMode) -> Self {
        match mode {
            OttlErrorMode::Ignore => ErrorMode::Ignore,
            OttlErrorMode::Silent => ErrorMode::Silent,
            OttlErrorMode::Propagate => ErrorMode::Propagate,
        }
    }
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Composite {
    pub max_total_spans_per_second: i64,
    pub policy_order: Vec<String>,
    pub composite_sub_policy: Vec<PolicySettings>,
    pub rate_allocation: Vec<RateAllocation>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RateAllocation {
    pub policy: String,
    pub percent: i64,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct And {
    pub and_sub_policy: Vec<PolicySettings>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Not {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_sub_policy: Option<Box<PolicySettings>>,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Drop {
    pub drop_sub_policy: Vec<PolicySettings>,
}

/// Whether one of the policies, or one below, counts bytes.
fn counts_bytes(policies: &[PolicySettings]) -> bool {
    policies.iter().any(|policy| match policy.kind.as_str() {
        "bytes_limiting" => true,
        "and" => counts_bytes(&policy.and.and_sub_policy),
        "drop" => counts_bytes(&policy.drop.drop_sub_policy),
        "composite" => counts_bytes(&policy.composite.composite_sub_policy),
        "not" => {
            let sub = policy.not.not_sub_policy.as_deref();
            sub.is_some_and(|sub| counts_bytes(std::slice::from_ref(sub)))
        }
        _ => false,
    })
}

/// Limit on `num_traces` and on each decision cache.
const MAX_TRACES: u64 = 100_000_000;

impl Settings {
    /// Whether a policy counts bytes.
    pub(crate) fn counts_bytes(&self) -> bool {
        counts_bytes(&self.policies)
    }

    /// Finds what types cannot say; the policies are checked where they are compiled.
    pub(crate) fn check(&self, mut problems: Problems) -> Result<(), ConfigError> {
        for (path, duration) in [
            ("/decision_wait", self.decision_wait),
            (
                "/decision_wait_after_root_received",
                self.decision_wait_after_root_received,
            ),
        ] {
            if duration.0 < 0 {
                problems.push(path, "must not be negative");
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
        match self.sampling_strategy.as_str() {
            "trace-complete" => {}
            "span-ingest" => problems.push(
                "/sampling_strategy",
                "span-ingest is not supported; traces are decided on as a whole (trace-complete)",
            ),
            _ => problems.push("/sampling_strategy", "must be trace-complete"),
        }
        if !self.tail_storage.is_null() {
            problems.push(
                "/tail_storage",
                "is not supported; the host holds the spans: remove it, and see limits.held_mib",
            );
        }
        if self.policies.is_empty() {
            problems.push(
                "/policies",
                "there must be at least one; without any, every trace would be dropped",
            );
        }
        problems.check()
    }
}
