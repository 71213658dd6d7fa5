//! The resources seen so far, and those of the batch at hand.

use std::collections::HashMap;

use spanmill_sdk::{Attributes, Batch, Cell, Context, Emission, SeriesAttribute};

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
    key: Vec<u8>,
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
    pub(crate) fn start(&mut self, batch: &Batch<'_>, list: &Attributes<'_>) {
        self.rows.clear();
        let mut entries: Vec<usize> = Vec::new();
        let text = |entry: usize| list.keys.get(entry).map_or("", |&key| batch.texts.get(key));
        for row in 0..batch.rows(Context::Resource) {
            entries.clear();
            entries.extend(list.entries(row));
            let service = entries
                .iter()
                .find(|&&entry| text(entry) == "service.name")
                .copied();
            let service = service.map(|entry| cell(list, entry));
            if !self.key_attributes.is_empty() {
                entries.retain(|&entry| self.key_attributes.iter().any(|key| key == text(entry)));
            }
            entries.sort_by_key(|&entry| text(entry));
            self.key.clear();
            for &entry in &entries {
                push_text(&mut self.key, text(entry).as_bytes());
                push_cell(&mut self.key, batch, cell(list, entry));
            }
            let Some(service) = service else {
                self.rows.push(None);
                continue;
            };
            let number = match self.numbers.get(&self.key) {
                Some(&number) => number,
                None => {
                    let number = self.numbers.len() as u32;
                    self.numbers.insert(self.key.clone(), number);
                    if !self.key_attributes.is_empty() {
                        self.first_seen.push(
                            list.entries(row)
                                .map(|entry| {
                                    let (kind, bits) = cell(list, entry);
                                    let value = match kind {
                                        1 | 5 | 6 | 7 => Owned::Bytes(
                                            kind,
                                            batch.texts.bytes(bits as u32).to_vec(),
                                        ),
                                        _ => Owned::Bits(kind, bits),
                                    };
                                    (text(entry).to_owned(), value)
                                })
                                .collect(),
                        );
                    }
                    number
                }
            };
            self.rows.push(Some((number, service)));
        }
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
                    let (kind, bits) = cell(list, entry);
                    Some((*list.keys.get(entry)?, Cell::from_parts(kind, bits)))
                })
                .collect(),
        }
    }
}

fn cell(list: &Attributes<'_>, entry: usize) -> (u8, u64) {
    match (list.values.kinds.get(entry), list.values.bits.get(entry)) {
        (Some(&kind), Some(&bits)) => (kind, bits),
        _ => (0, 0),
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
