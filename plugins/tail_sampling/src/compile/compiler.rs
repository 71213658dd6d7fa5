//! One policy after the other, with those below.

use std::collections::HashMap;

use spanmill_ottl::{Conditions, ErrorMode};
use spanmill_sampling::threshold::{NEVER, SMALLEST, of_share};
use spanmill_sdk::{Context, Contract, Problems, closest};

use super::compiled::{Asked, Compiled, Keyed};
use crate::bucket::{Keys, Rate};
use crate::condition::{Condition, Test};
use crate::hash::{Fnv, greatest_sampled};
use crate::policy::{Composite, CompositeSub, Limit, Policy};
use crate::settings::PolicySettings;

/// The policies, in the order in which they are listed in messages.
const KINDS: [&str; 17] = [
    "always_sample",
    "latency",
    "numeric_attribute",
    "probabilistic",
    "status_code",
    "string_attribute",
    "trace_state",
    "trace_flags",
    "rate_limiting",
    "bytes_limiting",
    "span_count",
    "boolean_attribute",
    "ottl_condition",
    "and",
    "not",
    "drop",
    "composite",
];

/// The salt of probabilistic policies that have none.
const DEFAULT_SALT: &str = "default-hash-seed";

/// Digits of thresholds, as the Collector's `pkg/sampling` has them where nothing is said.
const DIGITS: i64 = 14;

/// Where a policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Top,
    /// Below a policy of this type.
    Below(&'static str),
}

pub(super) struct Compiler<'a> {
    pub(super) contract: &'a mut Contract,
    pub(super) problems: &'a mut Problems,
    pub(super) compiled: Compiled,
}

impl Compiler<'_> {
    pub(super) fn mistake(&mut self, path: &str, key: &str, message: impl Into<String>) {
        self.problems.push(format!("{path}{key}"), message);
    }

    pub(super) fn policy(
        &mut self,
        settings: &PolicySettings,
        path: &str,
        level: Level,
    ) -> Option<Policy> {
        let kind = settings.kind.as_str();
        if let (Level::Below(above), "drop" | "composite") = (level, kind) {
            let message =
                format!("{kind} policies stand at the top of the list only, not below {above}");
            self.mistake(path, "/type", message);
            return None;
        }
        match kind {
            "always_sample" => Some(Policy::Always),
            "latency" => {
                let upper = settings.latency.upper_threshold_ms;
                let upper = (upper != 0).then_some(upper);
                let latency = Condition::Latency(settings.latency.threshold_ms, upper);
                self.contract.read_wide("span.start_time_unix_nano");
                self.contract.read_wide("span.end_time_unix_nano");
                Some(self.met(latency, false, settings))
            }
            "numeric_attribute" => {
                let numeric = &settings.numeric_attribute;
                if numeric.min_value == 0 && numeric.max_value == 0 {
                    let message = "min_value or max_value must be set, and not 0";
                    self.mistake(path, "/numeric_attribute", message);
                }
                // 0 is no bound, as in the Collector.
                let bound = |value: i64, none: i64| if value == 0 { none } else { value };
                let test = Test::Range(
                    bound(numeric.min_value, i64::MIN),
                    bound(numeric.max_value, i64::MAX),
                );
                let (key, invert) = (numeric.key.clone(), numeric.invert_match);
                self.attribute(settings, path, &key, test, invert)
            }
            "boolean_attribute" => {
                let boolean = &settings.boolean_attribute;
                let (key, invert) = (boolean.key.clone(), boolean.invert_match);
                self.attribute(settings, path, &key, Test::Bool(boolean.value), invert)
            }
            "string_attribute" => self.string_attribute(settings, path),
            "status_code" => self.status_code(settings, path),
            "trace_flags" => {
                let field = self.contract.read_narrow("span.flags");
                Some(self.met(Condition::Sampled(field), false, settings))
            }
            "trace_state" => {
                let wanted = &settings.trace_state;
                let key = wanted.key.clone();
                let values = wanted.values.iter().filter(|value| {
                    // A member is no longer than that.
                    !value.is_empty() && key.len() + value.len() < 256
                });
                let values = values.cloned().collect();
                let field = self.contract.read_text("span.trace_state");
                let condition = Condition::TraceState(field, key, values);
                Some(self.met(condition, false, settings))
            }
            "ottl_condition" => self.ottl(settings, path),
            "probabilistic" => Some(probabilistic(settings)),
            "rate_limiting" => {
                let limit = &settings.rate_limiting;
                let rate = Rate::new(limit.spans_per_second, limit.burst_capacity);
                Some(self.limit(rate, false, &limit.per_attribute))
            }
            "bytes_limiting" => {
                let limit = &settings.bytes_limiting;
                let rate = Rate::new(limit.bytes_per_second, limit.burst_capacity);
                Some(self.limit(rate, true, &limit.per_attribute))
            }
            "span_count" => Some(Policy::SpanCount {
                least: i64::from(settings.span_count.min_spans),
                most: i64::from(settings.span_count.max_spans),
            }),
            "and" => {
                let path = format!("{path}/and/and_sub_policy");
                let subs = self.list(&settings.and.and_sub_policy, &path, "and");
                Some(Policy::And(subs))
            }
            "drop" => {
                let path = format!("{path}/drop/drop_sub_policy");
                let subs = self.list(&settings.drop.drop_sub_policy, &path, "drop");
                Some(Policy::Drop(subs))
            }
            "not" => {
                let Some(sub) = &settings.not.not_sub_policy else {
                    self.mistake(path, "/not", "not_sub_policy is missing");
                    return None;
                };
                let path = format!("{path}/not/not_sub_policy");
                let sub = self.policy(sub, &path, Level::Below("not"))?;
                Some(Policy::Not(Box::new(sub)))
            }
            "composite" => Some(self.composite(settings, path)),
            _ => {
                let message = match (kind, closest(kind, KINDS)) {
                    ("", _) => format!("a policy needs a type: one of {}", KINDS.join(", ")),
                    (_, Some(meant)) => {
                        format!("unknown policy type {kind:?}; did you mean `{meant}`?")
                    }
                    _ => format!(
                        "unknown policy type {kind:?}; there are {}",
                        KINDS.join(", ")
                    ),
                };
                self.mistake(path, "/type", message);
                None
            }
        }
    }

    fn list(
        &mut self,
        policies: &[PolicySettings],
        path: &str,
        above: &'static str,
    ) -> Vec<Policy> {
        if policies.is_empty() {
            let message = format!("a policy of type {above} needs at least one below it");
            self.mistake(path, "", message);
        }
        let policies = policies.iter().enumerate();
        policies
            .filter_map(|(at, sub)| self.policy(sub, &format!("{path}/{at}"), Level::Below(above)))
            .collect()
    }

    /// A policy on a condition, which shares the bits of an equal one.
    fn met(&mut self, condition: Condition, invert: bool, settings: &PolicySettings) -> Policy {
        let bit = self.ask(condition, settings);
        Policy::Met { bit, invert }
    }

    fn ask(&mut self, condition: Condition, settings: &PolicySettings) -> usize {
        let fingerprint = fingerprint(settings);
        let mut known = self.compiled.asked.iter();
        if let Some(known) = known.find(|known| known.fingerprint == fingerprint) {
            return known.bit;
        }
        let bit = self.compiled.bits;
        self.compiled.bits += condition.bits();
        self.compiled.asked.push(Asked {
            condition,
            bit,
            fingerprint,
        });
        bit
    }

    fn attribute(
        &mut self,
        settings: &PolicySettings,
        path: &str,
        key: &str,
        test: Test,
        invert: bool,
    ) -> Option<Policy> {
        if key.is_empty() {
            let section = format!("/{}/key", settings.kind);
            self.mistake(path, &section, "the attribute's key is missing");
            return None;
        }
        let condition = Condition::Attribute {
            span: self.contract.read_attribute(Context::Span, key),
            resource: self.contract.read_attribute(Context::Resource, key),
            test,
        };
        Some(self.met(condition, invert, settings))
    }

    fn string_attribute(&mut self, settings: &PolicySettings, path: &str) -> Option<Policy> {
        let wanted = &settings.string_attribute;
        let test = if wanted.enabled_regex_matching {
            for (at, pattern) in wanted.values.iter().enumerate() {
                if let Err(error) = spanmill_pattern::compile(pattern) {
                    let key = format!("/string_attribute/values/{at}");
                    self.mistake(path, &key, error.to_string());
                }
            }
            Test::Regex(spanmill_pattern::compile_set(&wanted.values).ok()?)
        } else {
            let values = wanted.values.iter().filter(|value| !value.is_empty());
            Test::Exact(values.cloned().collect())
        };
        let (key, invert) = (wanted.key.clone(), wanted.invert_match);
        self.attribute(settings, path, &key, test, invert)
    }

    fn status_code(&mut self, settings: &PolicySettings, path: &str) -> Option<Policy> {
        let names = &settings.status_code.status_codes;
        if names.is_empty() {
            let message = "expected at least one of OK, ERROR and UNSET";
            self.mistake(path, "/status_code/status_codes", message);
        }
        let mut codes = Vec::new();
        for (at, name) in names.iter().enumerate() {
            codes.push(match name.as_str() {
                "UNSET" => 0,
                "OK" => 1,
                "ERROR" => 2,
                _ => {
                    let key = format!("/status_code/status_codes/{at}");
                    let message =
                        format!("unknown status code {name:?}; there are OK, ERROR and UNSET");
                    self.mistake(path, &key, message);
                    continue;
                }
            });
        }
        let field = self.contract.read_narrow("span.status.code");
        Some(self.met(Condition::StatusCode(field, codes), false, settings))
    }

    fn ottl(&mut self, settings: &PolicySettings, path: &str) -> Option<Policy> {
        let wanted = &settings.ottl_condition;
        // Without a mode the Collector neither logs nor fails.
        let mode = wanted.error_mode.map_or(ErrorMode::Silent, ErrorMode::from);
        if wanted.span.is_empty() && wanted.spanevent.is_empty() {
            let message = "expected at least one condition under span or spanevent";
            self.mistake(path, "/ottl_condition", message);
            return None;
        }
        let mut compiled = |context: Context, key: &str, texts: &[String]| {
            let mut conditions = Conditions::new(context, mode);
            for (at, text) in texts.iter().enumerate() {
                if let Err(error) = conditions.add(text, self.contract) {
                    let path = format!("{path}/ottl_condition/{key}/{at}");
                    self.problems.push(path, error.to_string());
                }
            }
            (!texts.is_empty()).then_some(conditions)
        };
        let spans = compiled(Context::Span, "span", &wanted.span);
        let events = compiled(Context::SpanEvent, "spanevent", &wanted.spanevent);
        let bit = self.ask(Condition::Ottl(Box::new([spans, events])), settings);
        Some(Policy::Ottl { bit })
    }

    fn limit(&mut self, rate: Rate, counts_bytes: bool, key: &str) -> Policy {
        self.compiled.has_limits = true;
        let number = (!key.is_empty()).then(|| {
            let keyed = &mut self.compiled.keyed;
            keyed
                .iter()
                .position(|known| known.name == key)
                .unwrap_or_else(|| {
                    keyed.push(Keyed {
                        span: self.contract.read_attribute(Context::Span, key),
                        resource: self.contract.read_attribute(Context::Resource, key),
                        name: key.to_owned(),
                        keys: Keys::default(),
                    });
                    keyed.len() - 1
                })
        });
        Policy::Limit(Limit {
            rate,
            counts_bytes,
            // Its place among the keys for now; how many words are in front is known at the end.
            key_word: number,
            buckets: Vec::new(),
        })
    }

    fn composite(&mut self, settings: &PolicySettings, path: &str) -> Policy {
        let composite = &settings.composite;
        self.compiled.has_limits = true;
        let most = composite.max_total_spans_per_second;
        let subs = &composite.composite_sub_policy;
        if subs.is_empty() {
            let message = "a composite policy needs at least one below it";
            self.mistake(path, "/composite/composite_sub_policy", message);
        }
        let mut allotted: HashMap<&str, i64> = HashMap::new();
        for (at, allocation) in composite.rate_allocation.iter().enumerate() {
            let spans = match allocation.percent {
                1.. => allocation.percent as f64 / 100.0 * most as f64,
                _ => most as f64 / subs.len() as f64,
            };
            allotted.insert(&allocation.policy, spans as i64);
            if !subs.iter().any(|sub| sub.name == allocation.policy) {
                let key = format!("/composite/rate_allocation/{at}/policy");
                let message = format!("there is no policy {:?} below", allocation.policy);
                self.mistake(path, &key, message);
            }
        }
        let path = format!("{path}/composite/composite_sub_policy");
        let policies = subs.iter().enumerate().filter_map(|(at, sub)| {
            let policy = self.policy(sub, &format!("{path}/{at}"), Level::Below("composite"))?;
            Some(CompositeSub {
                policy,
                allotted: allotted.get(sub.name.as_str()).copied().unwrap_or(0),
                sampled: 0,
            })
        });
        Policy::Composite(Composite {
            most,
            subs: policies.collect(),
            second: 0,
        })
    }
}

fn probabilistic(settings: &PolicySettings) -> Policy {
    let wanted = &settings.probabilistic;
    let salt = match wanted.hash_salt.as_str() {
        "" => DEFAULT_SALT,
        salt => salt,
    };
    let ratio = wanted.sampling_percentage / 100.0;
    let threshold = match of_share(ratio, DIGITS) {
        Some(threshold) => threshold,
        None if ratio >= SMALLEST => 0,
        None => NEVER,
    };
    Policy::Probabilistic {
        salted: Fnv::of(salt.as_bytes()),
        greatest: greatest_sampled(ratio),
        threshold,
    }
}

/// What a condition asks, whatever its policy is called and whether it is inverted.
fn fingerprint(settings: &PolicySettings) -> String {
    let mut of = PolicySettings {
        kind: settings.kind.clone(),
        ..PolicySettings::default()
    };
    match settings.kind.as_str() {
        "latency" => of.latency = settings.latency.clone(),
        "numeric_attribute" => of.numeric_attribute = settings.numeric_attribute.clone(),
        "boolean_attribute" => of.boolean_attribute = settings.boolean_attribute.clone(),
        "string_attribute" => of.string_attribute = settings.string_attribute.clone(),
        "status_code" => of.status_code = settings.status_code.clone(),
        "trace_state" => of.trace_state = settings.trace_state.clone(),
        "ottl_condition" => of.ottl_condition = settings.ottl_condition.clone(),
        _ => {}
    }
    of.numeric_attribute.invert_match = false;
    of.boolean_attribute.invert_match = false;
    of.string_attribute.invert_match = false;
    of.string_attribute.cache_max_size = 0;
    serde_json::to_string(&of).unwrap_or_default()
}
