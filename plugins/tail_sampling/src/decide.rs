//! Ticks: traces that are due are decided on, and those that there is no room for are given up.

use spanmill_sampling::threshold::NEVER;
use spanmill_sdk::{Batch, Decisions, PluginError, Ticker};
use spanmill_traces::{Phase, Tracked};

use crate::policy::{Decision, Facts, Verdict};
use crate::reasons::{EARLIER_NOT_SAMPLED, EARLIER_SAMPLED, Earlier, NO_POLICY, PENDING};
use crate::sampler::TailSampling;
use crate::traces::SampledBy;

/// How long a trace that is due waits to be shown again before it is decided on with what is known, ns.
const PATIENCE: u64 = 60_000_000_000;

impl Ticker for TailSampling {
    fn tick(
        &mut self,
        now_unix_nano: u64,
        ending: bool,
        decisions: &mut Decisions,
    ) -> Result<(), PluginError> {
        self.given.rules.begin(0);
        for (id, is_sampled) in self.unsaid.drain(..) {
            self.given.rules.trace(match is_sampled {
                true => EARLIER_SAMPLED,
                false => EARLIER_NOT_SAMPLED,
            });
            say(decisions, id, is_sampled);
        }
        if ending && self.limits.drop_pending {
            self.drop_all(decisions);
        } else {
            self.decide_due(now_unix_nano, ending, decisions);
            self.evict(decisions);
        }
        self.traces.sweep();
        for id in self.to_review.drain(..) {
            let is_known = self.traces.find(id);
            if is_known.is_some_and(|slot| self.traces.trace(slot).phase == Phase::Unknown) {
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

fn say(decisions: &mut Decisions, id: u128, is_sampled: bool) {
    match is_sampled {
        true => decisions.release(id),
        false => decisions.drop_trace(id),
    }
}

impl TailSampling {
    /// Decides on every trace that is due; on all at the end.
    fn decide_due(&mut self, now: u64, ending: bool, decisions: &mut Decisions) {
        for id in std::mem::take(&mut self.overdue) {
            let Some(slot) = self.traces.find(id) else {
                continue;
            };
            let trace = self.traces.trace(slot);
            let given_up = trace
                .arrived
                .saturating_add(self.limits.wait)
                .saturating_add(PATIENCE);
            match trace.phase {
                Phase::Unknown if !ending && now < given_up => self.overdue.push(id),
                Phase::Unknown | Phase::Waiting => self.decide(slot, now, decisions),
                _ => {}
            }
        }
        while let Some(slot) = self.traces.next() {
            let trace = self.traces.trace(slot);
            let is_due = ending || trace.arrived.saturating_add(self.limits.wait) <= now;
            match trace.phase {
                Phase::Waiting | Phase::Unknown if !is_due => break,
                Phase::Unknown if !ending => self.overdue.push(trace.id),
                Phase::Waiting | Phase::Unknown => self.decide(slot, now, decisions),
                Phase::Sampled | Phase::NotSampled | Phase::Gone => {}
            }
            self.traces.pass();
        }
        while let Some(&(due, id)) = self.rooted.front() {
            if due > now && !ending {
                break;
            }
            self.rooted.pop_front();
            match self.traces.find(id) {
                Some(slot) if self.traces.trace(slot).phase == Phase::Waiting => {
                    self.decide(slot, now, decisions);
                }
                _ => {}
            }
        }
    }

    fn decide(&mut self, slot: u32, now: u64, decisions: &mut Decisions) {
        let decision = self.decision(slot, now);
        self.explain_trace(decision);
        self.counters.decided(decision);
        let id = self.traces.trace(slot).id;
        say(decisions, id, decision.is_sampled);
        let by = SampledBy {
            policies: match decision.is_dropped {
                true => (0, 0),
                false => decision.policies,
            },
            threshold: decision.threshold.unwrap_or(NEVER),
        };
        self.settle(slot, id, decision.is_sampled, by);
    }

    /// The reason for a decision.
    fn explain_trace(&mut self, decision: Decision) {
        // The policy that dropped it is told as one that sampled it would be.
        match decision.is_sampled || decision.is_dropped {
            true => {
                if let Some(rule) = self.given.policy(decision.policies, Earlier::No) {
                    self.given.rules.trace(&rule);
                }
            }
            false => self.given.rules.trace(NO_POLICY),
        }
    }

    /// What the policies say of a trace, together.
    fn decision(&mut self, slot: u32, now_unix_nano: u64) -> Decision {
        let (trace, words) = (self.traces.trace(slot), self.traces.words(slot));
        let facts = Facts {
            trace,
            words,
            randomness: self.marks.randomness_of(trace.id, words),
            now_unix_nano,
        };
        let mut decision = Decision {
            is_sampled: false,
            is_dropped: false,
            policies: (0, 0),
            threshold: None,
        };
        // The lowest threshold of those that sampled it; whether one of them could not say.
        let (mut lowest, mut is_unsure) = (u64::MAX, false);
        for (at, named) in self.compiled.policies.iter_mut().enumerate() {
            let verdict = named.policy.evaluate(&facts);
            self.counters.said(at, verdict);
            match verdict {
                Verdict::Sampled {
                    threshold,
                    sub_policy,
                } => {
                    if !decision.is_sampled {
                        decision.is_sampled = true;
                        decision.policies = (u16::try_from(at + 1).unwrap_or(u16::MAX), sub_policy);
                    }
                    match threshold {
                        Some(threshold) => lowest = lowest.min(threshold),
                        None => is_unsure = true,
                    }
                    if self.limits.first_match {
                        break;
                    }
                }
                Verdict::NotSampled | Verdict::Failed => {}
                Verdict::Dropped => {
                    decision.is_dropped = true;
                    decision.policies = (u16::try_from(at + 1).unwrap_or(u16::MAX), 0);
                    break;
                }
            }
        }
        if decision.is_dropped {
            decision.is_sampled = false;
        }
        // Where one that cannot say sampled it too, only a policy that samples all such traces leaves no doubt.
        if decision.is_sampled && (lowest == 0 || !is_unsure && lowest != u64::MAX) {
            decision.threshold = Some(lowest);
        }
        decision
    }

    /// Gives up the oldest traces where there are too many, or too many bytes of them wait.
    fn evict(&mut self, decisions: &mut Decisions) {
        while self.traces.len() > self.limits.traces
            || self.limits.bytes > 0 && self.traces.waiting_bytes() > self.limits.bytes
        {
            let Some(slot) = self.traces.oldest() else {
                return;
            };
            let trace = self.traces.trace(slot);
            if trace.is_undecided() {
                // Senders wait instead, once there are none but these.
                if self.limits.block && self.limits.bytes == 0 {
                    return;
                }
                self.counters.too_early += 1;
                let key = match self.traces.len() > self.limits.traces {
                    true => "given up: num_traces",
                    false => "given up: max_bytes",
                };
                self.given.rules.trace(key);
                decisions.drop_trace(trace.id);
            }
            self.traces.remove(slot);
        }
    }

    fn drop_all(&mut self, decisions: &mut Decisions) {
        let slots: Vec<u32> = self.traces.in_order().collect();
        for slot in slots {
            let trace = self.traces.trace(slot);
            if trace.is_undecided() {
                self.given.rules.trace(PENDING);
                decisions.drop_trace(trace.id);
            }
            self.traces.remove(slot);
        }
    }
}
