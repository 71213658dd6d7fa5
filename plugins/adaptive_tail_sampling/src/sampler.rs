//! The plugin: what it knows, and what its settings allow.

use std::collections::VecDeque;

use spanmill_sdk::{
    ConfigError, Contract, KeptRules, NarrowField, Problems, Sharding, TraceIdField, WideField,
};
use spanmill_traces::DecisionCache;

use crate::adaptive::{Goal, threshold};
use crate::condition::Asked;
use crate::counters::Counters;
use crate::fingerprint::Fingerprints;
use crate::marks::{Marks, Record};
use crate::overload::{Load, Overload};
use crate::rules::{Rules, compile};
use crate::settings::Settings;
use crate::traces::{SampledBy, Traces};
use crate::values::Values;

/// The adaptive tail sampler.
#[derive(Debug)]
pub struct AdaptiveTailSampling {
    pub(crate) limits: Limits,
    pub(crate) rules: Rules,
    pub(crate) root: Root,
    pub(crate) fingerprints: Fingerprints,
    pub(crate) values: Values,
    pub(crate) traces: Traces,
    /// What was sampled, for spans that are released and for late ones.
    pub(crate) sampled: DecisionCache<SampledBy>,
    pub(crate) dropped: DecisionCache<()>,
    /// When traces with a root span are decided on, by their slots; likewise those whose time is over. A slot may have been
    /// left by then, or another trace be in it.
    pub(crate) rooted: VecDeque<(u64, u32)>,
    pub(crate) timed_out: VecDeque<(u64, u32)>,
    /// Traces that are decided on at the next tick.
    pub(crate) full: Vec<u128>,
    /// Traces that are to be shown again, and those among them that are due.
    pub(crate) to_review: Vec<u128>,
    pub(crate) overdue: Vec<u128>,
    pub(crate) overload: Option<Overload>,
    pub(crate) marks: Marks,
    pub(crate) record: Record,
    pub(crate) counters: Counters,
    pub(crate) fields: Fields,
    pub(crate) met: Met,
    /// The reasons for what is answered.
    pub(crate) kept_rules: KeptRules,
}

/// What the settings allow.
#[derive(Debug)]
pub(crate) struct Limits {
    pub timeout: u64,
    pub delay: u64,
    pub traces: usize,
    /// 0: none.
    pub bytes: u64,
    /// Spans of a trace; 0: none.
    pub spans: u32,
    /// Whether late spans follow what was sampled.
    pub follows_sampled: bool,
    /// The threshold for traces that there is no room for; `None`: the rules decide on them.
    pub eviction: Option<u64>,
}

/// What a root span is.
#[derive(Debug)]
pub(crate) struct Root {
    /// `None`: one without a parent.
    pub condition: Option<Asked>,
    /// What is asked, to be compared with what other settings ask.
    pub text: String,
}

/// What is read of each span, besides what conditions and fingerprints ask.
#[derive(Debug)]
pub(crate) struct Fields {
    pub trace_id: TraceIdField,
    pub parent: Option<WideField>,
    pub size: Option<NarrowField>,
}

/// What the spans of the batch at hand have met.
#[derive(Debug, Default)]
pub(crate) struct Met {
    /// For each span the bits that it adds to those of its trace.
    pub words: Vec<u32>,
    /// Which are root spans.
    pub roots: Vec<bool>,
}

/// What the Collector takes for a root span if nothing is said.
const IS_ROOT: &str = "IsRootSpan()";

impl AdaptiveTailSampling {
    pub(crate) fn new(settings: &Settings, contract: &mut Contract) -> Result<Self, ConfigError> {
        let mut problems = Problems::new();
        let trace_id = contract.read_trace_id("span.trace_id");
        let rules = compile(&settings.rules, contract, &mut problems);
        let root = root(&settings.root_span_condition, contract, &mut problems);
        settings.check(problems)?;
        let record = match settings.record_fingerprint.as_str() {
            "value" => Record::Value,
            "hash" => Record::Hash,
            _ => Record::Nothing,
        };
        let names: Vec<String> = rules.list.iter().map(|rule| rule.name.clone()).collect();
        let is_whole = rules
            .adaptive()
            .any(|(_, sampler, _)| matches!(sampler.plan.goal, Goal::PerSecond(_)));
        // One instance keeps a goal of spans a second for all traces.
        contract.shard(match is_whole {
            true => Sharding::Whole,
            false => Sharding::ByTrace,
        });
        let cache = &settings.decision_cache;
        let num_traces = settings.num_traces as usize;
        let eviction = settings.eviction.sampling_percentage;
        Ok(AdaptiveTailSampling {
            limits: Limits {
                timeout: settings.trace_timeout.0 as u64,
                delay: settings.decision_delay.0 as u64,
                traces: num_traces,
                bytes: settings.max_bytes,
                spans: settings.span_limit,
                follows_sampled: cache.sampled_cache_size > 0,
                eviction: eviction.map(|percentage| threshold(percentage / 100.0)),
            },
            fields: Fields {
                trace_id,
                parent: root
                    .condition
                    .is_none()
                    .then(|| contract.read_wide("span.parent_span_id")),
                size: (settings.max_bytes > 0).then(|| contract.read_narrow("span.encoded_size")),
            },
            fingerprints: Fingerprints::declare(&rules.selectors, contract),
            counters: Counters::declare(&names, contract),
            marks: Marks::declare(record, names, contract),
            traces: Traces::new(rules.words()),
            // What is released is marked a little later, so each trace that may be is remembered until then.
            sampled: DecisionCache::new(num_traces.max(cache.sampled_cache_size as usize)),
            dropped: DecisionCache::new(cache.non_sampled_cache_size as usize),
            overload: settings.overload.as_ref().map(Overload::new),
            values: Values::default(),
            rooted: VecDeque::new(),
            timed_out: VecDeque::new(),
            full: Vec::new(),
            to_review: Vec::new(),
            overdue: Vec::new(),
            met: Met::default(),
            kept_rules: KeptRules::default(),
            record,
            rules,
            root,
        })
    }

    /// Whether it knows how many bytes traces have.
    pub(crate) fn reads_sizes(&self) -> bool {
        self.fields.size.is_some()
    }

    /// Looks whether there is little room left.
    pub(crate) fn look_at_load(&mut self, now: u64) {
        let load = Load {
            traces: self.traces.waiting() as u64,
            most_traces: self.limits.traces as u64,
            bytes: self.traces.waiting_bytes(),
            most_bytes: self.limits.bytes,
        };
        if let Some(overload) = &mut self.overload {
            overload.look(load, now);
        }
    }
}

fn root(text: &str, contract: &mut Contract, problems: &mut Problems) -> Root {
    if text.is_empty() || text.trim() == IS_ROOT {
        return Root {
            condition: None,
            text: IS_ROOT.to_owned(),
        };
    }
    let place = (text, "/root_span_condition".to_owned());
    Root {
        condition: Some(Asked::compile([place], contract, problems)),
        text: text.to_owned(),
    }
}
