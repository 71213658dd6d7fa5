//! What sampled spans say of it: rule, trigger and fingerprint in attributes, the threshold in the trace state. And what
//! trace states said of sampling before.

use std::collections::HashMap;
use std::rc::Rc;

use sha2::{Digest, Sha256};
use spanmill_sampling::threshold::hex;
use spanmill_sampling::trace_state::{parse, with_threshold};
use spanmill_sdk::{ABSENT, Batch, Cell, Context, Contract, Outcome, TextField, WriteField};

use crate::traces::{EVICTION_RULE, GONE_RULE, OVERLOAD_RULE, SampledBy};

/// How fingerprints are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Record {
    Nothing,
    Value,
    Hash,
}

/// A longer fingerprint is cut where it is recorded.
const MAX_RECORDED: usize = 1024;

impl Record {
    /// As spans say a fingerprint; nothing for one that is empty.
    pub(crate) fn token(self, fingerprint: &str) -> Option<Rc<str>> {
        match self {
            _ if fingerprint.is_empty() => None,
            Record::Nothing => None,
            Record::Value => {
                let mut end = fingerprint.len().min(MAX_RECORDED);
                while !fingerprint.is_char_boundary(end) {
                    end -= 1;
                }
                Some(fingerprint[..end].into())
            }
            // The first half of it: 16 hex digits, as the Collector writes them.
            Record::Hash => {
                let hash = Sha256::digest(fingerprint);
                let digits = hash.iter().take(8).map(|byte| format!("{byte:02x}"));
                Some(digits.collect::<String>().into())
            }
        }
    }
}

/// What a trace state says of sampling.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub threshold: Option<u64>,
    pub randomness: Option<u64>,
    /// It could not be read.
    pub is_malformed: bool,
}

/// How sampled spans are marked.
#[derive(Debug)]
pub(crate) struct Marks {
    rule: WriteField,
    trigger: WriteField,
    fingerprint: Option<WriteField>,
    read_state: TextField,
    write_state: WriteField,
    /// The rules' names.
    rules: Vec<String>,
    /// Texts of the outcome at hand, by what they say.
    texts: HashMap<Rc<str>, u32>,
    rule_texts: HashMap<u16, u32>,
    /// What texts of the batch at hand say.
    said: HashMap<u32, Said>,
    /// What texts of the batch become with a threshold, as texts of the outcome; `None` where they stay.
    written: HashMap<(u32, u64), Option<u32>>,
}

/// What the names of attributes begin with.
const PREFIX: &str = "otelcol.processor.adaptive_tail_sampling";

impl Marks {
    pub(crate) fn declare(record: Record, rules: Vec<String>, contract: &mut Contract) -> Self {
        let mut write =
            |name: &str| contract.write_attribute(Context::Span, &format!("{PREFIX}.{name}"));
        let (rule, trigger) = (write("rule"), write("trigger"));
        let fingerprint = (record != Record::Nothing).then(|| write("fingerprint"));
        Marks {
            rule,
            trigger,
            fingerprint,
            read_state: contract.read_text("span.trace_state"),
            write_state: contract.write("span.trace_state"),
            rules,
            texts: HashMap::new(),
            rule_texts: HashMap::new(),
            said: HashMap::new(),
            written: HashMap::new(),
        }
    }

    /// Another batch and outcome: texts have other numbers.
    pub(crate) fn begin(&mut self) {
        self.texts.clear();
        self.rule_texts.clear();
        self.said.clear();
        self.written.clear();
    }

    /// The trace states of a batch.
    pub(crate) fn states<'a>(&self, batch: &Batch<'a>) -> &'a [u32] {
        batch.text(self.read_state)
    }

    /// What a span's trace state says of sampling, by its number among the batch's texts.
    pub(crate) fn said(&mut self, state: Option<&u32>, batch: &Batch<'_>) -> Said {
        let Some(text) = state.copied().filter(|text| *text != ABSENT) else {
            return Said::default();
        };
        *self.said.entry(text).or_insert_with(|| {
            let Some(parsed) = parse(batch.texts.get(text)) else {
                return Said {
                    is_malformed: true,
                    ..Said::default()
                };
            };
            Said {
                threshold: parsed.threshold.map(|(threshold, _)| threshold),
                randomness: parsed.randomness.and_then(hex),
                is_malformed: false,
            }
        })
    }

    /// The name of a rule; nothing for one that there is no more.
    pub(crate) fn rule_name(&self, rule: u16) -> Option<&str> {
        match rule {
            EVICTION_RULE => Some("_eviction"),
            OVERLOAD_RULE => Some("_overload"),
            GONE_RULE => None,
            rule => self.rules.get(usize::from(rule)).map(String::as_str),
        }
    }

    /// Marks a span that is sampled.
    pub(crate) fn mark(
        &mut self,
        row: usize,
        by: &SampledBy,
        batch: &Batch<'_>,
        outcome: &mut Outcome,
    ) {
        let span = row as u32;
        let rule = match self.rule_texts.get(&by.rule) {
            Some(text) => Some(*text),
            None => {
                let text = self.rule_name(by.rule).map(|name| outcome.text(name));
                text.inspect(|text| {
                    self.rule_texts.insert(by.rule, *text);
                })
            }
        };
        if let Some(text) = rule {
            outcome.set(self.rule, span, Cell::Text(text));
        }
        let trigger = self.text(by.trigger.name(), outcome);
        outcome.set(self.trigger, span, Cell::Text(trigger));
        if let Some((field, fingerprint)) = self.fingerprint.zip(by.fingerprint.as_ref()) {
            let text = self.text(fingerprint, outcome);
            outcome.set(field, span, Cell::Text(text));
        }
        self.mark_state(row, by.threshold, batch, outcome);
    }

    fn text(&mut self, text: &str, outcome: &mut Outcome) -> u32 {
        match self.texts.get(text) {
            Some(number) => *number,
            None => {
                let number = outcome.text(text);
                self.texts.insert(text.into(), number);
                number
            }
        }
    }

    fn mark_state(&mut self, row: usize, threshold: u64, batch: &Batch<'_>, outcome: &mut Outcome) {
        let text = batch.text(self.read_state).get(row).copied();
        let text = text.unwrap_or(ABSENT);
        let written = self.written.entry((text, threshold)).or_insert_with(|| {
            let before = match text {
                ABSENT => "",
                text => batch.texts.get(text),
            };
            with_threshold(before, threshold).map(|state| outcome.text(&state))
        });
        if let Some(text) = *written {
            outcome.set(self.write_state, row as u32, Cell::Text(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of `abc`, as FIPS 180-2 has it.
    #[test]
    fn fingerprints_are_recorded_as_they_are_or_hashed() {
        let token = |record: Record, text: &str| record.token(text).map(|token| token.to_string());
        assert_eq!(token(Record::Value, "abc").as_deref(), Some("abc"));
        assert_eq!(
            token(Record::Hash, "abc").as_deref(),
            Some("ba7816bf8f01cfea")
        );
        assert_eq!(token(Record::Nothing, "abc"), None);
        assert_eq!(token(Record::Hash, ""), None);
        let long = "ä".repeat(2000);
        assert_eq!(
            token(Record::Value, &long).map(|token| token.len()),
            Some(MAX_RECORDED)
        );
    }
}
