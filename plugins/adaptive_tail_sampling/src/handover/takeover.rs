//! How what another instance has asked becomes what this one asks.

use serde::{Deserialize, Serialize};

use crate::sampler::AdaptiveTailSampling;
use crate::selector::Origin;

/// What an instance asks of spans.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The conditions, in the order of their bits.
    conditions: Vec<String>,
    /// The entries of fingerprints, in the order of their words.
    selectors: Vec<String>,
    root: String,
    sizes: bool,
}

impl Asked {
    pub(super) fn of(sampler: &AdaptiveTailSampling) -> Self {
        let root = &sampler.root.text;
        let selectors = sampler.rules.selectors.iter().map(|selector| {
            // Under another condition other spans are meant.
            match selector.origin {
                Origin::Root => format!("{} {root}", selector.text()),
                _ => selector.text(),
            }
        });
        let asked = sampler.rules.asked.iter();
        Asked {
            conditions: asked.map(|asked| asked.text.clone()).collect(),
            selectors: selectors.collect(),
            root: root.clone(),
            sizes: sampler.reads_sizes(),
        }
    }
}

pub(super) struct Takeover {
    /// For each of our bits the other's.
    bits: Vec<Option<usize>>,
    /// For each of our entries the other's word.
    pub selectors: Vec<Option<usize>>,
    /// How many words the other has.
    pub old_words: usize,
    /// Whether the other did not ask something.
    pub is_incomplete: bool,
    /// Whether it took other spans for root spans.
    pub has_other_root: bool,
    /// What it did not ask, for people.
    pub missing: Vec<&'static str>,
}

impl Takeover {
    pub(super) fn plan(own: &Asked, other: &Asked) -> Self {
        let front = other.conditions.len().div_ceil(32);
        let find = |all: &[String], one: &String| all.iter().position(|known| known == one);
        let bits = own.conditions.iter();
        let bits: Vec<_> = bits.map(|one| find(&other.conditions, one)).collect();
        let selectors = own.selectors.iter();
        let selectors: Vec<_> = selectors
            .map(|one| find(&other.selectors, one).map(|at| at + front))
            .collect();
        let mut missing = Vec::new();
        for (is_missing, what) in [
            (bits.contains(&None), "conditions"),
            (selectors.contains(&None), "attributes of fingerprints"),
            (own.sizes && !other.sizes, "sizes"),
        ] {
            if is_missing {
                missing.push(what);
            }
        }
        let is_incomplete = !missing.is_empty();
        let has_other_root = own.root != other.root;
        if has_other_root {
            missing.push("the root span condition");
        }
        Takeover {
            bits,
            selectors,
            old_words: front + other.selectors.len(),
            is_incomplete,
            has_other_root,
            missing,
        }
    }

    /// Sets the bits of a trace as the other has them.
    pub(super) fn bits(&self, old: &[u32], words: &mut [u32]) {
        for (bit, from) in self.bits.iter().enumerate() {
            let Some(from) = from else {
                continue;
            };
            let is_set = old.get(from / 32).map_or(0, |word| word >> (from % 32) & 1);
            if let Some(word) = words.get_mut(bit / 32) {
                *word |= is_set << (bit % 32);
            }
        }
    }
}
