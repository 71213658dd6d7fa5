//! Dimensions that a pattern names: whatever attributes a span has of which it matches the key.

use spanmill_pattern::Glob;
use spanmill_sdk::{ABSENT, Attributes, Batch, Context};

use crate::words::Words;

/// An attribute whose key matches: its key as a word and as a text of the batch, and its value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub word: u32,
    pub key: u32,
    pub cell: (u8, u64),
}

/// The patterns of one metric.
#[derive(Debug, Default)]
pub(crate) struct Globs {
    patterns: Vec<Glob>,
    /// By the word of a key: whether one of the patterns matches it.
    known: Vec<Option<bool>>,
    /// What the resources of the batch at hand have, and where that of each ends.
    of_resources: Vec<Found>,
    ends: Vec<usize>,
}

impl Globs {
    pub(crate) fn new(patterns: Vec<Glob>) -> Self {
        Globs {
            patterns,
            ..Globs::default()
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// Called when words have got other numbers.
    pub(crate) fn restart(&mut self) {
        self.known.clear();
    }

    /// Begins a batch.
    pub(crate) fn start(
        &mut self,
        batch: &Batch<'_>,
        resources: &Attributes<'_>,
        words: &mut Words,
    ) {
        self.of_resources.clear();
        self.ends.clear();
        if self.is_empty() {
            return;
        }
        for row in 0..batch.rows(Context::Resource) {
            let mut found = Vec::new();
            self.add(batch, (resources, row), words, &mut found);
            self.of_resources.append(&mut found);
            self.ends.push(self.of_resources.len());
        }
    }

    /// Puts what matches of a row into `found`, sorted by the words of keys. Of several with one key the first counts: of the
    /// lists in their order, and of the resource last.
    pub(crate) fn find<'a>(
        &mut self,
        batch: &Batch<'_>,
        lists: impl Iterator<Item = (&'a Attributes<'a>, usize)>,
        resource: u32,
        words: &mut Words,
        found: &mut Vec<Found>,
    ) {
        found.clear();
        for list in lists {
            self.add(batch, list, words, found);
        }
        let end = |row: u32| self.ends.get(row as usize).copied().unwrap_or(0);
        let start = resource.checked_sub(1).map_or(0, end);
        let of_resource = self.of_resources.get(start..end(resource));
        found.extend(of_resource.unwrap_or_default());
        found.sort_by_key(|found| found.word);
        found.dedup_by_key(|found| found.word);
    }

    fn add(
        &mut self,
        batch: &Batch<'_>,
        (list, row): (&Attributes<'_>, usize),
        words: &mut Words,
        found: &mut Vec<Found>,
    ) {
        for entry in list.entries(row) {
            let key = list.keys.get(entry).copied().unwrap_or(ABSENT);
            let word = words.texts.id(batch, key);
            if self.matches(batch, key, word) {
                let cell = list.values.cell(entry);
                found.push(Found { word, key, cell });
            }
        }
    }

    fn matches(&mut self, batch: &Batch<'_>, key: u32, word: u32) -> bool {
        let place = word as usize;
        if place >= self.known.len() {
            self.known.resize(place + 1, None);
        }
        let patterns = &self.patterns;
        *self.known[place].get_or_insert_with(|| {
            let key = batch.texts.get(key);
            patterns.iter().any(|pattern| pattern.is_match(key))
        })
    }
}
