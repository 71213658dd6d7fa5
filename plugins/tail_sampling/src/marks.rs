//! What sampled spans say of it: the policies in attributes, and the threshold in the trace state; and what trace states
//! say of sampling before.

use std::collections::HashMap;

use spanmill_sampling::threshold::{NEVER, hex};
use spanmill_sampling::trace_state::{parse, with_threshold};
use spanmill_sdk::{ABSENT, Batch, Cell, Context, Contract, Outcome, TextField, WriteField};

use crate::compile::Compiled;
use crate::traces::SampledBy;

/// Words of a trace that keep what trace states say of sampling: the lower 32 bits of its randomness, and the others with
/// two flags.
pub(crate) const MARK_WORDS: usize = 2;

/// Set where the randomness is one that a trace state names.
const HAS_RANDOMNESS: u32 = 1 << 30;
/// Set where a trace state says anything of sampling.
const HAS_STATE: u32 = 1 << 31;

/// How sampled spans are marked.
#[derive(Debug)]
pub(crate) struct Marks {
    policy: Option<PolicyFields>,
    state: Option<StateFields>,
    /// The names of policies and of those below, as texts of the outcome at hand.
    names: HashMap<(u16, u16), (u32, Option<u32>)>,
}

#[derive(Debug)]
struct PolicyFields {
    policy: WriteField,
    sub_policy: WriteField,
    is_cached: WriteField,
    /// The names of policies and of those below, by number.
    known: Vec<(String, Vec<String>)>,
}

#[derive(Debug)]
struct StateFields {
    read: TextField,
    write: WriteField,
    /// Where a trace's words about it begin.
    word: usize,
    /// What texts of the batch at hand say: whether anything of sampling, and of randomness.
    said: HashMap<u32, (bool, Option<u64>)>,
    /// What texts of the batch become with a threshold, as texts of the outcome; `None` where they stay.
    written: HashMap<(u32, u64), Option<u32>>,
}

impl Marks {
    pub(crate) fn declare(
        record_policy: bool,
        use_trace_state: bool,
        compiled: &Compiled,
        contract: &mut Contract,
    ) -> Self {
        let policies = compiled.policies.iter();
        let policy = record_policy.then(|| PolicyFields {
            policy: contract.write_attribute(Context::Span, "tailsampling.policy"),
            sub_policy: contract.write_attribute(Context::Span, "tailsampling.composite_policy"),
            is_cached: contract.write_attribute(Context::Span, "tailsampling.cached_decision"),
            known: policies
                .map(|named| (named.name.clone(), named.subs.clone()))
                .collect(),
        });
        let state = use_trace_state.then(|| StateFields {
            read: contract.read_text("span.trace_state"),
            write: contract.write("span.trace_state"),
            word: compiled.words(),
            said: HashMap::new(),
            written: HashMap::new(),
        });
        Marks {
            policy,
            state,
            names: HashMap::new(),
        }
    }

    /// How many words of a trace it takes.
    pub(crate) fn words(&self) -> usize {
        match self.state {
            Some(_) => MARK_WORDS,
            None => 0,
        }
    }

    /// Whether spans are marked at all.
    pub(crate) fn are_made(&self) -> bool {
        self.policy.is_some() || self.state.is_some()
    }

    /// Another batch and outcome: texts have other numbers.
    pub(crate) fn begin(&mut self) {
        self.names.clear();
        if let Some(state) = &mut self.state {
            state.said.clear();
            state.written.clear();
        }
    }

    /// Notes what a span's trace state says of sampling, in its trace's words.
    pub(crate) fn learn(&mut self, row: usize, batch: &Batch<'_>, words: &mut [u32]) {
        let Some(state) = &mut self.state else {
            return;
        };
        let text = batch.text(state.read).get(row).copied();
        let Some(text) = text.filter(|text| *text != ABSENT) else {
            return;
        };
        let Some([low, high]) = words.get_mut(state.word..state.word + MARK_WORDS) else {
            return;
        };
        let said = state.said.entry(text).or_insert_with(|| {
            let parsed = parse(batch.texts.get(text)).unwrap_or_default();
            let randomness = parsed.randomness.and_then(hex);
            (
                randomness.is_some() || parsed.threshold.is_some(),
                randomness,
            )
        });
        if let (true, randomness) = *said {
            *high |= HAS_STATE;
            if let (Some(randomness), 0) = (randomness, *high & HAS_RANDOMNESS) {
                *low = randomness as u32;
                *high |= (randomness >> 32) as u32 | HAS_RANDOMNESS;
            }
        }
    }

    /// A trace's randomness, if a trace state says anything of sampling: what it names, or else that of the trace id.
    pub(crate) fn randomness_of(&self, id: u128, words: &[u32]) -> Option<u64> {
        let word = self.state.as_ref()?.word;
        let [low, high] = words.get(word..word + MARK_WORDS)? else {
            return None;
        };
        if high & HAS_STATE == 0 {
            return None;
        }
        let named = u64::from(high & !(HAS_STATE | HAS_RANDOMNESS)) << 32 | u64::from(*low);
        Some(match high & HAS_RANDOMNESS {
            0 => id as u64 & (NEVER - 1),
            _ => named,
        })
    }

    /// Marks a span that is sampled.
    pub(crate) fn mark(
        &mut self,
        row: usize,
        by: SampledBy,
        is_cached: bool,
        batch: &Batch<'_>,
        outcome: &mut Outcome,
    ) {
        let span = row as u32;
        if let Some(fields) = self.policy.as_ref().filter(|_| by.policies.0 > 0) {
            let (name, sub) = *self.names.entry(by.policies).or_insert_with(|| {
                let number = |policy: u16| usize::from(policy).checked_sub(1);
                let named = number(by.policies.0).and_then(|at| fields.known.get(at));
                let sub = named.zip(number(by.policies.1));
                let sub = sub.and_then(|((_, subs), at)| subs.get(at));
                let name = named.map_or("", |(name, _)| name);
                (outcome.text(name), sub.map(|sub| outcome.text(sub)))
            });
            outcome.set(fields.policy, span, Cell::Text(name));
            if let Some(sub) = sub {
                outcome.set(fields.sub_policy, span, Cell::Text(sub));
            }
            if is_cached {
                outcome.set(fields.is_cached, span, Cell::Bool(true));
            }
        }
        let Some(state) = self.state.as_mut().filter(|_| by.threshold < NEVER) else {
            return;
        };
        let text = batch.text(state.read).get(row).copied().unwrap_or(ABSENT);
        let written = state
            .written
            .entry((text, by.threshold))
            .or_insert_with(|| {
                let before = match text {
                    ABSENT => "",
                    text => batch.texts.get(text),
                };
                with_threshold(before, by.threshold).map(|state| outcome.text(&state))
            });
        if let Some(text) = *written {
            outcome.set(state.write, span, Cell::Text(text));
        }
    }
}
