//! Ticks: traces that are due are decided on, and so are the oldest where there is no room for all.

use spanmill_sampling::threshold::NEVER;
use spanmill_sdk::{Batch, Decisions, PluginError, Ticker};
use spanmill_traces::{Phase, Tracked};

use crate::adaptive::Observed;
use crate::sampler::AdaptiveTailSampling;
use crate::traces::{EVICTION_RULE, NOT_DUE, SampledBy, Trace, Trigger};

/// How long a trace that is due waits to be shown again before it is decided on with what is known, ns.
const PATIENCE: u64 = 60_000_000_000;

/// The most traces that one counts for, however few a sampler before let through.
const MOST_STOOD_FOR: f64 = 1_000_000.0;

impl Ticker for AdaptiveTailSampling {
    fn tick(
        &mut self,
        now_unix_nano: u64,
        ending: bool,
        decisions: &mut Decisions,
    ) -> Result<(), PluginError> {
        self.kept_rules.begin(0);
        self.rules.advance(now_unix_nano);
        match ending {
            true => self.decide_all(now_unix_nano, decisions),
            false => self.decide_due(now_unix_nano, decisions),
        }
        self.evict(now_unix_nano, decisions);
        self.look_at_load(now_unix_nano);
        self.traces.sweep();
        self.forget_values();
        for id in std::mem::take(&mut self.to_review) {
            let known = self.traces.find(id);
            if known.is_some_and(|slot| self.traces.trace(slot).phase == Phase::Unknown) {
                decisions.review(id);
            }
        }
        self.counters.tell();
        Ok(())
    }

    fn review(&mut self, batch: &Batch<'_>) -> Result<(), PluginError> {
        self.relearn(batch);
        Ok(())
    }
}

impl AdaptiveTailSampling {
    /// Decides on every trace at the end.
    fn decide_all(&mut self, now: u64, decisions: &mut Decisions) {
        let slots: Vec<u32> = self.traces.in_order().collect();
        for slot in slots {
            self.decide_early(slot, Trigger::Shutdown, now, decisions);
        }
    }

    /// Decides on every trace that is due.
    fn decide_due(&mut self, now: u64, decisions: &mut Decisions) {
        let at_once = std::mem::take(&mut self.full).into_iter();
        for id in at_once.chain(std::mem::take(&mut self.overdue)) {
            // Another trace of the same id may have come since.
            let is_due = |trace: &Trace| trace.due <= now || trace.trigger == Trigger::SpanLimit;
            if let Some(slot) = self.traces.find(id)
                && is_due(self.traces.trace(slot))
            {
                self.decide_or_wait(slot, now, decisions);
            }
        }
        self.trigger_timeouts(now);
        while let Some((due, slot)) = self.rooted.pop_front_if(|(due, _)| *due <= now) {
            self.decide_if_due(slot, due, now, decisions);
        }
        while let Some((due, slot)) = self.timed_out.pop_front_if(|(due, _)| *due <= now) {
            self.decide_if_due(slot, due, now, decisions);
        }
    }

    /// Finds the traces that have waited for as long as they may without anything that triggers their decision.
    fn trigger_timeouts(&mut self, now: u64) {
        while let Some(slot) = self.traces.next() {
            let limits = (self.limits.timeout, self.limits.delay);
            let trace = self.traces.trace_mut(slot);
            let is_undecided = trace.is_undecided();
            let over = trace.arrived.saturating_add(limits.0);
            if is_undecided && over > now {
                break;
            }
            if is_undecided && trace.due == NOT_DUE {
                trace.due = over.saturating_add(limits.1);
                trace.trigger = Trigger::TraceTimeout;
                self.timed_out.push_back((trace.due, slot));
                self.counters.triggered(Trigger::TraceTimeout);
            }
            self.traces.pass();
        }
    }

    /// Decides on the trace in a slot whose time has come, unless it has been decided on by now, or its time is another one.
    fn decide_if_due(&mut self, slot: u32, due: u64, now: u64, decisions: &mut Decisions) {
        let trace = self.traces.trace(slot);
        if trace.is_undecided() && trace.due == due {
            self.decide_or_wait(slot, now, decisions);
        }
    }

    /// Decides on a trace, unless what the rules ask of it is not known yet.
    fn decide_or_wait(&mut self, slot: u32, now: u64, decisions: &mut Decisions) {
        let trace = self.traces.trace(slot);
        if trace.phase == Phase::Unknown && now < trace.due.saturating_add(PATIENCE) {
            self.overdue.push(trace.id);
        } else {
            self.decide(slot, now, decisions);
        }
    }

    /// Decides on a trace before its time.
    fn decide_early(&mut self, slot: u32, why: Trigger, now: u64, decisions: &mut Decisions) {
        let trace = self.traces.trace_mut(slot);
        if trace.due == NOT_DUE {
            self.counters.triggered(why);
        }
        trace.trigger = why;
        self.decide(slot, now, decisions);
    }

    /// Decides on the oldest traces where there are too many, or too many bytes of them wait.
    fn evict(&mut self, now: u64, decisions: &mut Decisions) {
        while self.traces.waiting() > self.limits.traces
            || self.limits.bytes > 0 && self.traces.waiting_bytes() > self.limits.bytes
        {
            let Some(slot) = self.traces.oldest() else {
                return;
            };
            self.counters.evicted();
            self.decide_early(slot, Trigger::Eviction, now, decisions);
        }
    }

    fn decide(&mut self, slot: u32, now: u64, decisions: &mut Decisions) {
        let (rule, threshold) = self.threshold(slot, now);
        let trace = self.traces.trace(slot);
        let (id, trigger, seed) = (trace.id, trace.trigger, trace.arrived);
        let threshold = threshold.max(trace.sampled_before);
        let is_sampled = rule.is_some() && trace.randomness() >= threshold;
        self.counters.decided(rule, is_sampled);
        self.explain_trace(rule);
        match rule.filter(|_| is_sampled) {
            Some(rule) => {
                let by = SampledBy {
                    rule,
                    trigger,
                    threshold,
                    fingerprint: match rule {
                        EVICTION_RULE => None,
                        _ => self.record.token(self.rules.last_fingerprint()),
                    },
                };
                self.sampled.put(id, by, seed);
                decisions.release(id);
            }
            None => {
                self.dropped.put(id, (), seed);
                decisions.drop_trace(id);
            }
        }
        self.traces.remove(slot);
    }

    /// The rule that takes a trace, and the threshold that it is sampled by; no rule, if none does.
    fn threshold(&mut self, slot: u32, now: u64) -> (Option<u16>, u64) {
        let (trace, words) = (self.traces.trace(slot), self.traces.words(slot));
        if let (Trigger::Eviction, Some(threshold)) = (trace.trigger, self.limits.eviction) {
            return (Some(EVICTION_RULE), threshold);
        }
        let Some(rule) = self.rules.matching(words) else {
            return (None, NEVER);
        };
        let observed = Observed {
            spans: trace.spans,
            stands_for: stands_for(trace),
            now,
        };
        let threshold = self.rules.sample(rule, words, &self.values, observed);
        (Some(rule as u16), threshold)
    }

    /// Forgets values that no trace has any more, once they may be the most.
    fn forget_values(&mut self) {
        if !self.values.are_many() {
            return;
        }
        let front = self.rules.bit_words();
        let mut moved = self.values.renew();
        let slots: Vec<u32> = self.traces.in_order().collect();
        for slot in slots {
            for word in self.traces.words_mut(slot).iter_mut().skip(front) {
                *word = moved.set(*word, &mut self.values);
            }
        }
        self.values.are_renewed();
    }
}

/// How many traces one stands for by what was sampled before. A threshold that its own randomness does not reach says
/// nothing.
fn stands_for(trace: &Trace) -> f64 {
    match trace.sampled_before {
        0 => 1.0,
        before if before > trace.randomness() => 1.0,
        before => (NEVER as f64 / (NEVER - before) as f64).min(MOST_STOOD_FOR),
    }
}
