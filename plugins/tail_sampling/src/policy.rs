//! Policies, and what they decide of a trace.

use spanmill_sampling::threshold::NEVER;

use crate::bucket::{Bucket, Rate};
use crate::hash::Fnv;
use crate::traces::Trace;

/// What a policy asks.
#[derive(Debug)]
pub(crate) enum Policy {
    Always,
    /// Whether a condition was met by any span, by its bit; the other way round if inverted.
    Met {
        bit: usize,
        invert: bool,
    },
    /// As [`Policy::Met`]; the bit behind says that the conditions failed first.
    Ottl {
        bit: usize,
    },
    Probabilistic {
        salted: Fnv,
        greatest: u64,
        /// The rejection threshold of the share.
        threshold: u64,
    },
    /// How many spans, or bytes, may pass.
    Limit(Limit),
    SpanCount {
        least: i64,
        /// 0: without an end.
        most: i64,
    },
    And(Vec<Policy>),
    Not(Box<Policy>),
    Drop(Vec<Policy>),
    Composite(Composite),
}

/// A limit on what is sampled a second.
#[derive(Debug)]
pub(crate) struct Limit {
    pub rate: Rate,
    pub counts_bytes: bool,
    /// Where the number of the attribute's value stands among a trace's words; `None`: one bucket for all.
    pub key_word: Option<usize>,
    /// By number of the value.
    pub buckets: Vec<Bucket>,
}

/// Sub-policies that share a number of spans a second.
#[derive(Debug)]
pub(crate) struct Composite {
    pub most: i64,
    pub subs: Vec<CompositeSub>,
    /// The second that is counted.
    pub second: u64,
}

#[derive(Debug)]
pub(crate) struct CompositeSub {
    pub policy: Policy,
    pub allotted: i64,
    pub sampled: i64,
}

/// What is known of the trace at hand.
pub(crate) struct Facts<'a> {
    pub trace: &'a Trace,
    pub words: &'a [u32],
    /// Its randomness, if its trace state says anything of sampling and that is to be used.
    pub randomness: Option<u64>,
    pub now_unix_nano: u64,
}

/// What a policy says of a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// With the rejection threshold by which it was sampled: 0 where every such trace is. `None` where nobody can say, as
    /// under a limit. The sub-policy of a composite policy, from 1.
    Sampled {
        threshold: Option<u64>,
        sub_policy: u16,
    },
    NotSampled,
    Dropped,
    /// It could not be evaluated.
    Failed,
}

/// What the policies decide of a trace together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    pub is_sampled: bool,
    pub is_dropped: bool,
    /// The policy that sampled or dropped it, from 1, and its sub-policy.
    pub policies: (u16, u16),
    /// The rejection threshold by which it was sampled; `None` where nobody can say.
    pub threshold: Option<u64>,
}

const SAMPLED: Verdict = Verdict::Sampled {
    threshold: Some(0),
    sub_policy: 0,
};

fn sampled_if(is_sampled: bool) -> Verdict {
    match is_sampled {
        true => SAMPLED,
        false => Verdict::NotSampled,
    }
}

fn is_set(words: &[u32], bit: usize) -> bool {
    words
        .get(bit / 32)
        .is_some_and(|word| word >> (bit % 32) & 1 == 1)
}

impl Policy {
    /// What it says of a trace. Limits count what they let pass.
    pub(crate) fn evaluate(&mut self, facts: &Facts<'_>) -> Verdict {
        match self {
            Policy::Always => SAMPLED,
            Policy::Met { bit, invert } => sampled_if(is_set(facts.words, *bit) != *invert),
            Policy::Ottl { bit } => {
                // The span that decided came first, and only one of the bits is set.
                match is_set(facts.words, *bit + 1) {
                    true => Verdict::Failed,
                    false => sampled_if(is_set(facts.words, *bit)),
                }
            }
            Policy::Probabilistic {
                salted,
                greatest,
                threshold,
            } => match is_in_share(facts, *salted, *greatest, *threshold) {
                true => Verdict::Sampled {
                    threshold: Some(*threshold).filter(|threshold| *threshold < NEVER),
                    sub_policy: 0,
                },
                false => Verdict::NotSampled,
            },
            Policy::Limit(limit) => match limit.allows(facts) {
                true => Verdict::Sampled {
                    threshold: None,
                    sub_policy: 0,
                },
                false => Verdict::NotSampled,
            },
            Policy::SpanCount { least, most } => {
                let spans = i64::from(facts.trace.spans);
                sampled_if(spans >= *least && (*most == 0 || spans <= *most))
            }
            Policy::And(policies) => all(policies, facts),
            Policy::Not(policy) => match policy.evaluate(facts) {
                Verdict::Sampled { .. } => Verdict::NotSampled,
                // A share of traces that is left over has no threshold.
                Verdict::NotSampled => Verdict::Sampled {
                    threshold: policy.is_certain().then_some(0),
                    sub_policy: 0,
                },
                other => other,
            },
            Policy::Drop(policies) => match all(policies, facts) {
                Verdict::Sampled { .. } => Verdict::Dropped,
                other => other,
            },
            Policy::Composite(composite) => composite.evaluate(facts),
        }
    }

    /// Whether the same spans are always decided on alike, whatever their trace id and what else is sampled.
    fn is_certain(&self) -> bool {
        match self {
            Policy::Probabilistic { .. } | Policy::Limit(_) | Policy::Composite(_) => false,
            Policy::And(policies) | Policy::Drop(policies) => {
                policies.iter().all(Policy::is_certain)
            }
            Policy::Not(policy) => policy.is_certain(),
            _ => true,
        }
    }
}

/// By the randomness that all samplers on the trace's way share, or else by the Collector's hash.
fn is_in_share(facts: &Facts<'_>, salted: Fnv, greatest: u64, threshold: u64) -> bool {
    match facts.randomness {
        Some(randomness) => randomness >= threshold,
        None => salted.trace_id(facts.trace.id) <= greatest,
    }
}

/// Sampled if all of them sample, with the highest threshold of all.
fn all(policies: &mut [Policy], facts: &Facts<'_>) -> Verdict {
    let mut highest = Some(0);
    for policy in policies {
        match policy.evaluate(facts) {
            Verdict::Sampled { threshold, .. } => {
                highest = highest.zip(threshold).map(|(one, other)| one.max(other));
            }
            other => return other,
        }
    }
    Verdict::Sampled {
        threshold: highest,
        sub_policy: 0,
    }
}

impl Limit {
    fn allows(&mut self, facts: &Facts<'_>) -> bool {
        let number = self.key_word.and_then(|word| facts.words.get(word));
        let number = number.copied().unwrap_or(0) as usize;
        if self.buckets.len() <= number {
            self.buckets.resize(number + 1, Bucket::full(self.rate));
        }
        let wanted = match self.counts_bytes {
            true => facts.trace.bytes,
            false => facts.trace.spans,
        };
        self.buckets[number].take(self.rate, u64::from(wanted), facts.now_unix_nano)
    }
}

impl Composite {
    fn evaluate(&mut self, facts: &Facts<'_>) -> Verdict {
        let second = facts.now_unix_nano / 1_000_000_000;
        if self.second != second {
            self.second = second;
            for sub in &mut self.subs {
                sub.sampled = 0;
            }
        }
        for (at, sub) in self.subs.iter_mut().enumerate() {
            match sub.policy.evaluate(facts) {
                Verdict::Sampled { .. } => {
                    let sampled = sub.sampled.saturating_add(i64::from(facts.trace.spans));
                    if sampled > sub.allotted || sampled > self.most {
                        return Verdict::NotSampled;
                    }
                    sub.sampled = sampled;
                    return Verdict::Sampled {
                        threshold: None,
                        sub_policy: u16::try_from(at + 1).unwrap_or(u16::MAX),
                    };
                }
                Verdict::NotSampled | Verdict::Dropped => {}
                Verdict::Failed => return Verdict::Failed,
            }
        }
        Verdict::NotSampled
    }
}
