//! What is counted, under the Collector's names with what it keeps as attributes behind.

use spanmill_sdk::{Contract, Counter};
use spanmill_traces::counter_named;

use crate::compile::Compiled;
use crate::policy::{Decision, Verdict};

/// Policies that are counted one by one: a plugin has at most 64 counters.
const MAX_POLICIES: usize = 50;

/// Counts since the last tick, and the counters that they go to.
#[derive(Debug)]
pub(crate) struct Counters {
    pub new_traces: u64,
    pub too_early: u64,
    pub too_large: u64,
    cached: [u64; 2],
    failed: u64,
    /// Sampled, not sampled, dropped.
    decided: [u64; 3],
    sampled_by: Vec<u64>,
    counters: [Counter; 9],
    by_policy: Vec<Counter>,
}

const NAMES: [&str; 9] = [
    "processor_tail_sampling_new_trace_id_received",
    "processor_tail_sampling_sampling_trace_dropped_too_early",
    "processor_tail_sampling_traces_dropped_too_large",
    "processor_tail_sampling_early_releases_from_cache_decision_sampled",
    "processor_tail_sampling_early_releases_from_cache_decision_not_sampled",
    "processor_tail_sampling_sampling_policy_evaluation_error",
    "processor_tail_sampling_global_count_traces_sampled_sampled",
    "processor_tail_sampling_global_count_traces_sampled_not_sampled",
    "processor_tail_sampling_global_count_traces_sampled_dropped",
];

impl Counters {
    pub(crate) fn declare(compiled: &Compiled, contract: &mut Contract) -> Self {
        let policies = compiled.policies.iter().take(MAX_POLICIES);
        let by_policy = policies.map(|named| {
            let prefix = "processor_tail_sampling_count_traces_sampled_by_";
            counter_named(contract, prefix, &named.name)
        });
        let by_policy: Vec<Counter> = by_policy.collect();
        Counters {
            new_traces: 0,
            too_early: 0,
            too_large: 0,
            cached: [0; 2],
            failed: 0,
            decided: [0; 3],
            sampled_by: vec![0; by_policy.len()],
            counters: NAMES.map(|name| contract.counter(name)),
            by_policy,
        }
    }

    /// Spans that followed a decision in a cache.
    pub(crate) fn follow_cache(&mut self, sampled: u64, not_sampled: u64) {
        self.cached[0] += sampled;
        self.cached[1] += not_sampled;
    }

    /// What a policy said.
    pub(crate) fn said(&mut self, policy: usize, verdict: Verdict) {
        match verdict {
            Verdict::Sampled { .. } => {
                if let Some(count) = self.sampled_by.get_mut(policy) {
                    *count += 1;
                }
            }
            Verdict::Failed => self.failed += 1,
            Verdict::NotSampled | Verdict::Dropped => {}
        }
    }

    pub(crate) fn decided(&mut self, decision: Decision) {
        let at = match decision {
            Decision {
                is_dropped: true, ..
            } => 2,
            Decision {
                is_sampled: true, ..
            } => 0,
            _ => 1,
        };
        self.decided[at] += 1;
    }

    /// Tells the host what was counted since it was last told.
    pub(crate) fn tell(&mut self) {
        let counts = [
            std::mem::take(&mut self.new_traces),
            std::mem::take(&mut self.too_early),
            std::mem::take(&mut self.too_large),
            std::mem::take(&mut self.cached[0]),
            std::mem::take(&mut self.cached[1]),
            std::mem::take(&mut self.failed),
            std::mem::take(&mut self.decided[0]),
            std::mem::take(&mut self.decided[1]),
            std::mem::take(&mut self.decided[2]),
        ];
        let by_policy = self.by_policy.iter().zip(&mut self.sampled_by);
        let by_policy = by_policy.map(|(counter, count)| (*counter, std::mem::take(count)));
        for (counter, count) in self.counters.into_iter().zip(counts).chain(by_policy) {
            if count > 0 {
                counter.add(count);
            }
        }
    }
}
