//! What an instance hands to the one that takes its place, under other rules too: conditions are known by what they ask, and
//! a trace whose spans were not asked what the new rules ask is shown again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use spanmill_sdk::{RestoreError, State};
use spanmill_traces::{Phase, end, log_unknown, put, take};

use crate::bucket::{Bucket, Rate};
use crate::marks::MARK_WORDS;
use crate::policy::Policy;
use crate::sampler::TailSampling;
use crate::traces::{SampledBy, Trace};

/// What stands in front of the records.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Head {
    /// What each condition asks, and how many bits it has.
    conditions: Vec<(String, u32)>,
    /// Whether spans' times were read, their sizes, and what trace states say of sampling.
    times: bool,
    sizes: bool,
    states: bool,
    /// The attributes that pick buckets, and their values in the order of their numbers.
    keys: Vec<(String, Vec<Vec<u8>>)>,
    /// The names of policies, and of those below composite ones.
    policies: Vec<(String, Vec<String>)>,
    limits: Vec<SavedLimit>,
    traces: u64,
    sampled: u64,
    not_sampled: u64,
    rooted: Vec<(u64, u128)>,
    unsaid: Vec<(u128, bool)>,
}

/// The buckets of a limit, or what a composite policy has sampled in a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SavedLimit {
    /// The names of the policies that lead to it.
    path: String,
    rate: (f64, f64),
    buckets: Vec<Bucket>,
    second: u64,
    counts: Vec<i64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedTrace {
    id: u128,
    arrived: u64,
    start: u64,
    end: u64,
    spans: u32,
    bytes: u32,
    policies: (u16, u16),
    threshold: u64,
    phase: u8,
    words: Vec<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedDecision {
    id: u128,
    policies: (u16, u16),
    threshold: u64,
}

impl State for TailSampling {
    const FORMAT: u32 = 1;

    fn snapshot(&self) -> Vec<u8> {
        let head = self.head();
        let mut out = put(Vec::new(), &head);
        for slot in self.traces.in_order() {
            let trace = self.traces.trace(slot);
            let saved = SavedTrace {
                id: trace.id,
                arrived: trace.arrived,
                start: trace.start,
                end: trace.end,
                spans: trace.spans,
                bytes: trace.bytes,
                policies: (trace.policy, trace.sub_policy),
                threshold: trace.threshold,
                phase: match trace.phase {
                    Phase::Waiting => 0,
                    Phase::Unknown | Phase::Gone => 1,
                    Phase::Sampled => 2,
                    Phase::NotSampled => 3,
                },
                words: self.traces.words(slot).to_vec(),
            };
            out = put(out, &saved);
        }
        for cache in [&self.sampled, &self.not_sampled] {
            for (id, by) in cache.oldest_first() {
                let saved = SavedDecision {
                    id,
                    policies: by.policies,
                    threshold: by.threshold,
                };
                out = put(out, &saved);
            }
        }
        out
    }

    fn restore(&mut self, format: u32, mut data: &[u8]) -> Result<(), RestoreError> {
        if format != Self::FORMAT {
            return Err(RestoreError::Format);
        }
        let data = &mut data;
        let head: Head = take(data)?;
        // A host may have tried this before, and what was known then is out of date.
        self.traces.clear();
        self.sampled.clear();
        self.not_sampled.clear();
        self.to_review.clear();
        self.overdue.clear();
        let plan = Takeover::plan(self, &head);
        self.restore_limits(&head);
        for (keyed, keys) in self.compiled.keyed.iter_mut().zip(&plan.keys) {
            keyed.keys.restore(keys.map_or(&[], |at| &head.keys[at].1));
        }
        let mut unknown = 0u64;
        for _ in 0..head.traces {
            let saved: SavedTrace = take(data)?;
            unknown += u64::from(self.restore_trace(&saved, &plan));
        }
        for _ in 0..head.sampled {
            let saved: SavedDecision = take(data)?;
            let by = plan.by(saved.policies, saved.threshold);
            self.sampled.put(saved.id, by, plan.seed(saved.id));
        }
        for _ in 0..head.not_sampled {
            let saved: SavedDecision = take(data)?;
            let seed = plan.seed(saved.id);
            self.not_sampled.put(saved.id, SampledBy::NOTHING, seed);
        }
        self.rooted = head.rooted.into();
        self.unsaid = head.unsaid;
        log_unknown("policies", &plan.missing, unknown);
        end(data)
    }
}

/// How what another instance knew becomes what this one knows.
struct Takeover {
    /// For each condition of this instance its bit, that of the other's and how many there are.
    bits: Vec<(usize, usize, usize)>,
    /// For each attribute that picks buckets where it stands in the other's.
    keys: Vec<Option<usize>>,
    /// Where those of the other begin among its words, and how many words it has.
    old_front: usize,
    old_words: usize,
    /// Whether the last of them are what trace states say of sampling.
    old_states: bool,
    /// What the other did not ask.
    missing: Vec<&'static str>,
    /// By number of the other's policies, and of those below.
    policies: HashMap<(u16, u16), (u16, u16)>,
    seed: u64,
}

impl Takeover {
    fn plan(own: &TailSampling, head: &Head) -> Self {
        let mut old_bits = HashMap::new();
        let mut next = 0;
        for (fingerprint, count) in &head.conditions {
            old_bits.insert(fingerprint.as_str(), next);
            next += *count as usize;
        }
        let mut plan = Takeover {
            bits: Vec::new(),
            keys: Vec::new(),
            old_front: next.div_ceil(32),
            old_states: head.states,
            old_words: next.div_ceil(32)
                + head.keys.len()
                + if head.states { MARK_WORDS } else { 0 },
            missing: Vec::new(),
            policies: HashMap::new(),
            seed: head.traces ^ head.sampled.rotate_left(32) ^ next as u64,
        };
        for asked in &own.compiled.asked {
            match old_bits.get(asked.fingerprint.as_str()) {
                Some(old) => plan.bits.push((asked.bit, *old, asked.condition.bits())),
                None => plan.miss(asked.condition.name()),
            }
        }
        for keyed in &own.compiled.keyed {
            let old = head.keys.iter().position(|(name, _)| *name == keyed.name);
            if old.is_none() {
                plan.miss("the attribute of a limit");
            }
            plan.keys.push(old);
        }
        if own.reads_times() && !head.times {
            plan.miss("times");
        }
        if own.marks.words() > 0 && !head.states {
            plan.miss("sampling in trace states");
        }
        if own.reads_sizes() && !head.sizes {
            plan.miss("sizes");
        }
        for (new, named) in own.compiled.policies.iter().enumerate() {
            let Some(old) = head
                .policies
                .iter()
                .position(|(name, _)| *name == named.name)
            else {
                continue;
            };
            let numbers = |old: usize, new: usize| (old as u16 + 1, new as u16 + 1);
            let (old_number, new_number) = numbers(old, new);
            plan.policies.insert((old_number, 0), (new_number, 0));
            for (new_sub, name) in named.subs.iter().enumerate() {
                if let Some(old_sub) = head.policies[old].1.iter().position(|sub| sub == name) {
                    let (old_sub, new_sub) = numbers(old_sub, new_sub);
                    plan.policies
                        .insert((old_number, old_sub), (new_number, new_sub));
                }
            }
        }
        plan
    }

    fn miss(&mut self, what: &'static str) {
        if !self.missing.contains(&what) {
            self.missing.push(what);
        }
    }

    /// The policies of this instance that are called as those of the other.
    fn policies(&self, old: (u16, u16)) -> (u16, u16) {
        let whole = self.policies.get(&old);
        let top = || self.policies.get(&(old.0, 0));
        whole.or_else(top).copied().unwrap_or((0, 0))
    }

    fn by(&self, policies: (u16, u16), threshold: u64) -> SampledBy {
        SampledBy {
            policies: self.policies(policies),
            threshold,
        }
    }

    fn seed(&self, id: u128) -> u64 {
        self.seed ^ id as u64
    }
}

impl TailSampling {
    fn head(&self) -> Head {
        let asked = self.compiled.asked.iter();
        let keyed = self.compiled.keyed.iter();
        let policies = self.compiled.policies.iter();
        let mut limits = Vec::new();
        for named in &self.compiled.policies {
            save_limits(&named.policy, &named.name, &mut limits);
        }
        Head {
            conditions: asked
                .map(|asked| (asked.fingerprint.clone(), asked.condition.bits() as u32))
                .collect(),
            times: self.reads_times(),
            sizes: self.reads_sizes(),
            states: self.marks.words() > 0,
            keys: keyed
                .map(|keyed| (keyed.name.clone(), keyed.keys.in_order()))
                .collect(),
            policies: policies
                .map(|named| (named.name.clone(), named.subs.clone()))
                .collect(),
            limits,
            traces: self.traces.len() as u64,
            sampled: self.sampled.oldest_first().count() as u64,
            not_sampled: self.not_sampled.oldest_first().count() as u64,
            rooted: self.rooted.iter().copied().collect(),
            unsaid: self.unsaid.clone(),
        }
    }

    /// Takes over one trace. Returns whether it has to be shown again.
    fn restore_trace(&mut self, saved: &SavedTrace, plan: &Takeover) -> bool {
        if self.traces.find(saved.id).is_some() || saved.words.len() != plan.old_words {
            return false;
        }
        let slot = self.traces.insert(Trace::new(saved.id, saved.arrived));
        let (policy, sub_policy) = plan.policies(saved.policies);
        let trace = self.traces.trace_mut(slot);
        trace.start = saved.start;
        trace.end = saved.end;
        trace.spans = saved.spans;
        (trace.policy, trace.sub_policy) = (policy, sub_policy);
        match saved.phase {
            2 => return self.restore_decided(slot, saved, true),
            3 => return self.restore_decided(slot, saved, false),
            _ => self.traces.add_bytes(slot, saved.bytes),
        }
        let front = self.compiled.bit_words();
        let words = self.traces.words_mut(slot);
        for &(new, old, count) in &plan.bits {
            for at in 0..count {
                let is_set = saved.words[(old + at) / 32] >> ((old + at) % 32) & 1;
                words[(new + at) / 32] |= is_set << ((new + at) % 32);
            }
        }
        for (at, old) in plan.keys.iter().enumerate() {
            words[front + at] = old.map_or(0, |old| saved.words[plan.old_front + old]);
        }
        if plan.old_states && self.marks.words() > 0 {
            let own = words.len() - MARK_WORDS;
            words[own..].copy_from_slice(&saved.words[plan.old_words - MARK_WORDS..]);
        }
        let is_unknown = saved.phase == 1 || !plan.missing.is_empty();
        if is_unknown {
            self.traces.trace_mut(slot).phase = Phase::Unknown;
            self.to_review.push(saved.id);
        }
        is_unknown
    }

    fn restore_decided(&mut self, slot: u32, saved: &SavedTrace, is_sampled: bool) -> bool {
        let trace = self.traces.trace(slot);
        let by = SampledBy {
            policies: (trace.policy, trace.sub_policy),
            threshold: saved.threshold,
        };
        self.settle(slot, saved.id, is_sampled, by);
        false
    }

    fn restore_limits(&mut self, head: &Head) {
        let saved: HashMap<&str, &SavedLimit> = head
            .limits
            .iter()
            .map(|limit| (limit.path.as_str(), limit))
            .collect();
        for named in &mut self.compiled.policies {
            restore_limits(&mut named.policy, &named.name, &saved);
        }
    }
}

fn save_limits(policy: &Policy, path: &str, out: &mut Vec<SavedLimit>) {
    match policy {
        Policy::Limit(limit) => out.push(SavedLimit {
            path: path.to_owned(),
            rate: (limit.rate.per_second, limit.rate.burst),
            buckets: limit.buckets.clone(),
            second: 0,
            counts: Vec::new(),
        }),
        Policy::Composite(composite) => {
            out.push(SavedLimit {
                path: path.to_owned(),
                rate: (composite.most as f64, 0.0),
                buckets: Vec::new(),
                second: composite.second,
                counts: composite.subs.iter().map(|sub| sub.sampled).collect(),
            });
            for (at, sub) in composite.subs.iter().enumerate() {
                save_limits(&sub.policy, &format!("{path}/{at}"), out);
            }
        }
        Policy::And(policies) | Policy::Drop(policies) => {
            for (at, policy) in policies.iter().enumerate() {
                save_limits(policy, &format!("{path}/{at}"), out);
            }
        }
        Policy::Not(policy) => save_limits(policy, &format!("{path}/0"), out),
        _ => {}
    }
}

fn restore_limits(policy: &mut Policy, path: &str, saved: &HashMap<&str, &SavedLimit>) {
    match policy {
        Policy::Limit(limit) => {
            // Another rate starts with full buckets.
            let same = |saved: &&&SavedLimit| {
                let rate = Rate {
                    per_second: saved.rate.0,
                    burst: saved.rate.1,
                };
                rate == limit.rate
            };
            if let Some(saved) = saved.get(path).filter(same) {
                limit.buckets = saved.buckets.clone();
            }
        }
        Policy::Composite(composite) => {
            if let Some(saved) = saved.get(path) {
                composite.second = saved.second;
                for (sub, count) in composite.subs.iter_mut().zip(&saved.counts) {
                    sub.sampled = *count;
                }
            }
            for (at, sub) in composite.subs.iter_mut().enumerate() {
                restore_limits(&mut sub.policy, &format!("{path}/{at}"), saved);
            }
        }
        Policy::And(policies) | Policy::Drop(policies) => {
            for (at, policy) in policies.iter_mut().enumerate() {
                restore_limits(policy, &format!("{path}/{at}"), saved);
            }
        }
        Policy::Not(policy) => restore_limits(policy, &format!("{path}/0"), saved),
        _ => {}
    }
}
