//! What an instance hands to the one that takes its place, under other rules too: conditions are known by what they ask, and
//! a trace whose spans were not asked what the new rules ask is shown again.

mod samplers;
mod takeover;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use spanmill_sdk::{RestoreError, State};
use spanmill_traces::{Phase, Tracked, end, log_unknown, put, take};

use self::samplers::SavedSampler;
use self::takeover::{Asked, Takeover};
use crate::sampler::AdaptiveTailSampling;
use crate::traces::{NOT_DUE, SampledBy, Trace, Trigger};
use crate::values::{Moved, Values};

/// What stands in front of the records.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    asked: Asked,
    /// Values, and the sets that traces have of them.
    texts: Vec<String>,
    sets: Vec<Vec<u32>>,
    /// The rules' names.
    rules: Vec<String>,
    samplers: Vec<SavedSampler>,
    traces: u64,
    sampled: u64,
    dropped: u64,
    rooted: Vec<(u64, u128)>,
    timed_out: Vec<(u64, u128)>,
    full: Vec<u128>,
    overdue: Vec<u128>,
    overload_since: Option<u64>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedTrace {
    id: u128,
    arrived: u64,
    due: u64,
    sampled_before: u64,
    randomness: u64,
    spans: u32,
    bytes: u32,
    trigger: u8,
    is_unknown: bool,
    words: Vec<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct SavedDecision {
    id: u128,
    rule: u16,
    trigger: u8,
    threshold: u64,
    fingerprint: Option<String>,
}

/// What a trace takes at the most that waits, without its words and what is seldom.
const TRACE_BYTES: usize = 72;

fn trigger(number: u8) -> Result<Trigger, RestoreError> {
    Trigger::from_number(number)
        .ok_or_else(|| RestoreError::data("a trace has a trigger that there is not"))
}

impl State for AdaptiveTailSampling {
    const FORMAT: u32 = 1;

    fn snapshot(&self) -> Vec<u8> {
        // Growing step by step would take twice the memory.
        let a_trace = TRACE_BYTES + 5 * self.rules.words();
        let out = Vec::with_capacity(self.traces.len().saturating_mul(a_trace));
        let mut out = put(out, &self.head());
        for slot in self.traces.in_order() {
            let trace = self.traces.trace(slot);
            let saved = SavedTrace {
                id: trace.id,
                arrived: trace.arrived,
                due: trace.due,
                sampled_before: trace.sampled_before,
                randomness: trace.randomness,
                spans: trace.spans,
                bytes: trace.bytes,
                trigger: trace.trigger.number(),
                is_unknown: trace.phase == Phase::Unknown,
                words: self.traces.words(slot).to_vec(),
            };
            out = put(out, &saved);
        }
        for (id, by) in self.sampled.oldest_first() {
            let saved = SavedDecision {
                id,
                rule: by.rule,
                trigger: by.trigger.number(),
                threshold: by.threshold,
                fingerprint: by.fingerprint.as_deref().map(str::to_owned),
            };
            out = put(out, &saved);
        }
        for (id, ()) in self.dropped.oldest_first() {
            out = put(out, &id);
        }
        out
    }

    fn restore(&mut self, format: u32, mut data: &[u8]) -> Result<(), RestoreError> {
        if format != Self::FORMAT {
            return Err(RestoreError::Format);
        }
        let data = &mut data;
        let head: Head = take(data)?;
        self.forget();
        let own = Asked::of(self);
        let plan = Takeover::plan(&own, &head.asked);
        let seed = head.traces ^ head.sampled.rotate_left(24) ^ head.dropped.rotate_left(48);
        let rules = self.rule_numbers(&head.rules);
        samplers::restore(&mut self.rules, &head.samplers);
        let mut moved = Values::saved(head.texts, head.sets);
        let mut unknown = 0u64;
        for _ in 0..head.traces {
            let saved: SavedTrace = take(data)?;
            unknown += u64::from(self.restore_trace(&saved, &plan, &mut moved)?);
        }
        self.values.are_renewed();
        for _ in 0..head.sampled {
            let saved: SavedDecision = take(data)?;
            let known = rules.get(usize::from(saved.rule));
            let by = SampledBy {
                rule: known.copied().unwrap_or(saved.rule),
                trigger: trigger(saved.trigger)?,
                threshold: saved.threshold,
                fingerprint: saved.fingerprint.map(|text| text.into()),
            };
            self.sampled.put(saved.id, by, seed ^ saved.id as u64);
        }
        for _ in 0..head.dropped {
            let id: u128 = take(data)?;
            self.dropped.put(id, (), seed ^ id as u64);
        }
        self.rooted = self.in_slots(&head.rooted);
        self.timed_out = self.in_slots(&head.timed_out);
        self.full = head.full;
        self.overdue = head.overdue;
        if let Some(overload) = &mut self.overload {
            overload.restore(head.overload_since);
        }
        log_unknown("rules", &plan.missing, unknown);
        end(data)
    }
}

impl AdaptiveTailSampling {
    fn head(&self) -> Head {
        let (texts, sets) = self.values.save();
        Head {
            asked: Asked::of(self),
            texts: texts.into_iter().map(str::to_owned).collect(),
            sets: sets.into_iter().map(<[u32]>::to_vec).collect(),
            rules: self.rule_names(),
            samplers: samplers::save(&self.rules),
            traces: self.traces.len() as u64,
            sampled: self.sampled.oldest_first().count() as u64,
            dropped: self.dropped.oldest_first().count() as u64,
            rooted: self.by_id(&self.rooted),
            timed_out: self.by_id(&self.timed_out),
            full: self.full.clone(),
            overdue: self.overdue.clone(),
            overload_since: self.overload.as_ref().and_then(|overload| overload.since()),
        }
    }

    /// Forgets everything: a host may hand over more than once, and only the last time counts.
    fn forget(&mut self) {
        self.traces.clear();
        self.values = Values::default();
        self.sampled.clear();
        self.dropped.clear();
        self.to_review.clear();
        self.rules.forget();
    }

    /// When traces are due, by their ids; those that are not any more are left out.
    fn by_id(&self, due: &VecDeque<(u64, u32)>) -> Vec<(u64, u128)> {
        let due = due.iter().filter_map(|&(due, slot)| {
            let trace = self.traces.trace(slot);
            (trace.is_undecided() && trace.due == due).then_some((due, trace.id))
        });
        due.collect()
    }

    /// The same by the slots that they have here.
    fn in_slots(&self, due: &[(u64, u128)]) -> VecDeque<(u64, u32)> {
        let due = due.iter();
        due.filter_map(|(due, id)| Some((*due, self.traces.find(*id)?)))
            .collect()
    }

    fn rule_names(&self) -> Vec<String> {
        let rules = self.rules.list.iter();
        rules.map(|rule| rule.name.clone()).collect()
    }

    /// For each of another's rules the number of the one that is called the same here.
    fn rule_numbers(&self, others: &[String]) -> Vec<u16> {
        let number = |name: &String| {
            let at = self.rules.list.iter().position(|rule| rule.name == *name);
            at.map_or(crate::traces::GONE_RULE, |at| at as u16)
        };
        others.iter().map(number).collect()
    }

    /// Takes over one trace. Returns whether it has to be shown again.
    fn restore_trace(
        &mut self,
        saved: &SavedTrace,
        plan: &Takeover,
        moved: &mut Moved,
    ) -> Result<bool, RestoreError> {
        if saved.words.len() != plan.old_words {
            return Err(RestoreError::data("a trace has other words than it should"));
        }
        if self.traces.find(saved.id).is_some() {
            return Err(RestoreError::data("a trace is there twice"));
        }
        let slot = self.traces.insert(Trace::new(saved.id, saved.arrived));
        let trace = self.traces.trace_mut(slot);
        trace.due = saved.due;
        trace.sampled_before = saved.sampled_before;
        trace.randomness = saved.randomness;
        trace.spans = saved.spans;
        trace.trigger = trigger(saved.trigger)?;
        let is_unknown =
            saved.is_unknown || plan.is_incomplete || plan.has_other_root && saved.due == NOT_DUE;
        if is_unknown {
            trace.set_phase(Phase::Unknown);
            self.to_review.push(saved.id);
        }
        self.traces.add_bytes(slot, saved.bytes);
        let words = self.traces.words_mut(slot);
        plan.bits(&saved.words, words);
        let front = self.rules.bit_words();
        for (word, old) in words.iter_mut().skip(front).zip(&plan.selectors) {
            let set = old.and_then(|old| saved.words.get(old));
            *word = set.map_or(0, |set| moved.set(*set, &mut self.values));
        }
        Ok(is_unknown)
    }
}
