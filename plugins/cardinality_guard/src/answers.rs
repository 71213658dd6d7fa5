//! What has become of the texts of a batch, so that each is looked at once.

use hashbrown::HashTable;
use spanmill_sdk::{Batch, Outcome};

/// What becomes of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Kept,
    /// It becomes this text, its template.
    Templated(u32),
    /// It becomes this text, since there are too many.
    Overflowed(u32),
}

/// Answers by pool index, for one guard at a time.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    /// How many segments were learned when it was given, and the answer.
    known: Vec<Option<(u32, Answer)>>,
    /// Templates that are among the outcome's texts, by hash.
    templates: HashTable<(u64, u32)>,
    overflow: Option<u32>,
}

impl Answers {
    /// Begins a batch.
    pub(crate) fn start_batch(&mut self) {
        self.templates.clear();
        self.overflow = None;
    }

    /// Begins a guard.
    pub(crate) fn start(&mut self, batch: &Batch<'_>) {
        self.known.clear();
        self.known.resize(batch.texts.len(), None);
    }

    #[inline]
    pub(crate) fn known(&self, text: u32, learned: u32) -> Option<Answer> {
        match self.known.get(text as usize) {
            Some(&Some((then, answer))) if then == learned => Some(answer),
            _ => None,
        }
    }

    pub(crate) fn remember(&mut self, text: u32, learned: u32, answer: Answer) {
        if let Some(known) = self.known.get_mut(text as usize) {
            *known = Some((learned, answer));
        }
    }

    /// A template as a text of the outcome, in which it stands once.
    pub(crate) fn template(&mut self, hash: u64, template: &str, outcome: &mut Outcome) -> u32 {
        match self.templates.find(hash, |known| known.0 == hash) {
            Some(known) => known.1,
            None => {
                let text = outcome.text(template);
                self.templates
                    .insert_unique(hash, (hash, text), |known| known.0);
                text
            }
        }
    }

    /// The overflow value as a text of the outcome.
    pub(crate) fn overflow(&mut self, value: &str, outcome: &mut Outcome) -> u32 {
        *self.overflow.get_or_insert_with(|| outcome.text(value))
    }
}
