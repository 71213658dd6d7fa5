//! The resources seen so far, and those of the batch at hand.

use std::collections::HashMap;

use spanmill_sdk::{ABSENT, Attributes, Batch, Cell, Context, Emission, SeriesAttribute};

use crate::words::{RESOURCES, Words};
use spanmill_series::{NONE, ROOT};

/// Resources are forgotten beyond this number, when the numbering of series starts over.
const LIMIT: usize = 10_000;

/// A value that outlives its batch.
#[derive(Debug, Clone)]
enum Owned {
    Bits(u8, u64),
    Bytes(u8, Vec<u8>),
}

#[derive(Debug, Default)]
pub(crate) struct Resources {
    /// The attributes that tell resources apart; none: all of them.
    key_attributes: Vec<String>,
    numbers: HashMap<Vec<u8>, u32>,
    /// The attributes of each as first seen; kept only where others may share its number.
    first_seen: Vec<Vec<(String, Owned)>>,
    /// For each row of the batch at hand: the resource's number and its `service.name`; none: not measured.
    pub rows: Vec<Option<(u32, (u8, u64))>>,
    /// Key and place of each attribute that tells a resource apart.
    entries: Vec<(u32, usize)>,
}

impl Resources {
    pub(crate) fn new(key_attributes: Vec<String>) -> Self {
        Resources {
            key_attributes,
            ..Resources::default()
        }
    }

    /// Called when no series is known any more.
    pub(crate) fn restart(&mut self) {
        if self.numbers.len() > LIMIT {
            self.numbers.clear();
            self.first_seen.clear();
        }
    }

    /// Numbers the resources of a batch.
    pub(crate) fn start(&mut self, batch: &Batch<'_>, list: &Attributes<'_>, words: &mut Words) {
        self.rows.clear();
        let mut entries = std::mem::take(&mut self.entries);
        for row in 0..batch.rows(Context::Resource) {
            let mut service = None;
            entries.clear();
            for entry in list.entries(row) {
                let key = list.keys.get(entry).copied().unwrap_or(ABSENT);
                let text = batch.texts.bytes(key);
                if service.is_none() && text == b"service.name" {
                    service = Some(list.values.cell(entry));
                }
                let tells = |key: &String| key.as_bytes() == text;
                if self.key_attributes.is_empty() || self.key_attributes.iter().any(tells) {
                    entries.push((words.texts.id(batch, key), entry));
                }
            }
            let Some(service) = service else {
                self.rows.push(None);
                continue;
            };
            // In whatever order they came. Entries of one key keep theirs.
            entries.sort_unstable();
            let mut node = words.tree.next(ROOT, RESOURCES);
            for &(key, entry) in &entries {
                let value = words.of(batch, list.values.cell(entry));
                node = words.path(node, [key, value]);
            }
            let mut number = words.tree.value(node);
            if number == NONE {
                number = self.number(batch, list, row, &entries);
                words.tree.set(node, number);
            }
            self.rows.push(Some((number, service)));
        }
        self.entries = entries;
    }

    /// The number of a resource by what its attributes hold, which outlives the words for them.
    fn number(
        &mut self,
        batch: &Batch<'_>,
        list: &Attributes<'_>,
        row: usize,
        entries: &[(u32, usize)],
    ) -> u32 {
        let text = |entry: usize| list.keys.get(entry).map_or("", |&key| batch.texts.get(key));
        let mut entries: Vec<usize> = entries.iter().map(|(_, entry)| *entry).collect();
        entries.sort_by_key(|&entry| (text(entry), entry));
        let mut key = Vec::new();
        for &entry in &entries {
            push_text(&mut key, text(entry).as_bytes());
            push_cell(&mut key, batch, list.values.cell(entry));
        }
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(key, number);
        if !self.key_attributes.is_empty() {
            let attributes = list.entries(row).map(|entry| {
                let (kind, bits) = list.values.cell(entry);
                let value = match kind {
                    1 | 5 | 6 | 7 => Owned::Bytes(kind, batch.texts.bytes(bits as u32).to_vec()),
                    _ => Owned::Bits(kind, bits),
                };
                (text(entry).to_owned(), value)
            });
            self.first_seen.push(attributes.collect());
        }
        number
    }

    /// The attributes of a resource's metrics.
    pub(crate) fn attributes(
        &self,
        row: usize,
        number: u32,
        list: &Attributes<'_>,
        emission: &mut Emission,
    ) -> Vec<SeriesAttribute> {
        match self.first_seen.get(number as usize) {
            Some(first_seen) => first_seen
                .iter()
                .map(|(key, value)| {
                    let (kind, bits) = match value {
                        Owned::Bits(kind, bits) => (*kind, *bits),
                        Owned::Bytes(kind, bytes) => (*kind, emission.bytes(bytes).into()),
                    };
                    (emission.text(key), Cell::from_parts(kind, bits))
                })
                .collect(),
            None => list
                .entries(row)
                .filter_map(|entry| {
                    let (kind, bits) = list.values.cell(entry);
                    Some((*list.keys.get(entry)?, Cell::from_parts(kind, bits)))
                })
                .collect(),
        }
    }
}

/// Appends a text with its length, so that keys made of several do not run into each other.
pub(crate) fn push_text(key: &mut Vec<u8>, text: &[u8]) {
    key.extend((text.len() as u32).to_le_bytes());
    key.extend(text);
}

/// Appends a cell by what it holds, so that it is the same in every batch.
pub(crate) fn push_cell(key: &mut Vec<u8>, batch: &Batch<'_>, (kind, bits): (u8, u64)) {
    key.push(kind);
    match kind {
        1 | 5 | 6 | 7 => push_text(key, batch.texts.bytes(bits as u32)),
        _ => key.extend(bits.to_le_bytes()),
    }
}
