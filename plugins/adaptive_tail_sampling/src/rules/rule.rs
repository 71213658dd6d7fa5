//! Rules, and what they decide of a trace.

use crate::adaptive::{Adaptive, Observed, threshold};
use crate::condition::Asked;
use crate::selector::Selector;
use crate::values::Values;

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub name: String,
    /// Its sampler's type.
    pub kind: String,
    /// The bits of the conditions that a trace has met.
    pub bits: Vec<usize>,
    pub sampler: Sampler,
}

/// What a rule does with the traces that it takes.
#[derive(Debug)]
pub(crate) enum Sampler {
    /// The same threshold for all.
    Fixed(u64),
    Adaptive {
        sampler: Box<Adaptive>,
        /// Which of the selectors make the fingerprint.
        selectors: Vec<usize>,
    },
}

impl Sampler {
    /// Of a share of traces that are kept.
    pub(crate) fn fixed(share: f64) -> Self {
        Sampler::Fixed(threshold(share))
    }
}

/// The rules, and what they ask.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub list: Vec<Rule>,
    /// Conditions, in the order of their bits.
    pub asked: Vec<Asked>,
    pub selectors: Vec<Selector>,
    /// Memory for a fingerprint.
    text: String,
}

impl Rules {
    /// How many words of a trace the conditions take.
    pub(crate) fn bit_words(&self) -> usize {
        self.asked.len().div_ceil(32)
    }

    /// How many words a trace has: those of the bits, and one for each selector.
    pub(crate) fn words(&self) -> usize {
        self.bit_words() + self.selectors.len()
    }

    /// The first rule whose conditions a trace has met.
    pub(crate) fn matching(&self, words: &[u32]) -> Option<usize> {
        let is_met = |bit: &usize| {
            let word = words.get(bit / 32);
            word.is_some_and(|word| word >> (bit % 32) & 1 == 1)
        };
        self.list
            .iter()
            .position(|rule| rule.bits.iter().all(is_met))
    }

    /// What a rule samples a trace by.
    pub(crate) fn sample(
        &mut self,
        rule: usize,
        words: &[u32],
        values: &Values,
        observed: Observed,
    ) -> u64 {
        let front = self.bit_words();
        let Rules { list, text, .. } = self;
        text.clear();
        match list.get_mut(rule).map(|rule| &mut rule.sampler) {
            None => 0,
            Some(Sampler::Fixed(threshold)) => *threshold,
            Some(Sampler::Adaptive { sampler, selectors }) => {
                for (place, selector) in selectors.iter().enumerate() {
                    if place > 0 {
                        text.push('•');
                    }
                    let set = words.get(front + selector).copied().unwrap_or(0);
                    values.write(set, text);
                }
                sampler.observe(text, observed)
            }
        }
    }

    /// The fingerprint that the last trace was sampled by; empty where its rule has none.
    pub(crate) fn last_fingerprint(&self) -> &str {
        &self.text
    }

    /// The samplers that follow the traffic.
    pub(crate) fn adaptive(&self) -> impl Iterator<Item = (&str, &Adaptive, &[usize])> {
        self.list.iter().filter_map(|rule| match &rule.sampler {
            Sampler::Fixed(_) => None,
            Sampler::Adaptive { sampler, selectors } => {
                Some((rule.name.as_str(), &**sampler, selectors.as_slice()))
            }
        })
    }

    /// Forgets what samplers have learned.
    pub(crate) fn forget(&mut self) {
        for rule in &mut self.list {
            if let Sampler::Adaptive { sampler, .. } = &mut rule.sampler {
                **sampler = Adaptive::new(sampler.plan);
            }
        }
    }

    /// Ends intervals whose time is over.
    pub(crate) fn advance(&mut self, now: u64) {
        for rule in &mut self.list {
            if let Sampler::Adaptive { sampler, .. } = &mut rule.sampler {
                sampler.advance(now);
            }
        }
    }
}
