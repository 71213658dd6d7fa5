//! Numbers for series, for connectors that find them by what tells them apart.

use std::collections::HashMap;

use crate::{Batch, Emission};

/// Beyond this many series, or bytes of their keys, the numbering starts over.
const MOST_SERIES: usize = 100_000;
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What tells a series apart, as bytes that are the same in every batch. Reused from series to series.
#[derive(Clone, Debug, Default)]
pub struct SeriesKey(Vec<u8>);

impl SeriesKey {
    /// Empties it.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Appends a number.
    pub fn number(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    /// Appends a text.
    pub fn text(&mut self, text: &[u8]) {
        self.number(text.len() as u32);
        self.0.extend(text);
    }

    /// Appends a cell, as kind and bits, by what it holds.
    pub fn cell(&mut self, batch: &Batch<'_>, (kind, bits): (u8, u64)) {
        self.0.push(kind);
        match kind {
            1 | 5 | 6 | 7 => self.text(batch.texts.bytes(bits as u32)),
            _ => self.0.extend(bits.to_le_bytes()),
        }
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The series that this instance has named, and how often each was counted in the batch at hand.
///
/// ```
/// # use spanmill_sdk::*;
/// # fn f(batch: &Batch<'_>, emission: &mut Emission, numbers: &mut SeriesNumbers, name: u32) {
/// numbers.start(emission);
/// let mut key = SeriesKey::default();
/// key.text(batch.texts.bytes(name));
/// if numbers.is_new(&key) {
///     let label = emission.text("span.name");
///     emission.series(&[], &[(label, Cell::Text(name))]);
/// }
/// numbers.count(&key, 1);
/// let (series, counts) = numbers.take();
/// emission.record(0, series, vec![], counts, vec![]);
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct SeriesNumbers {
    numbers: HashMap<Box<[u8]>, u32>,
    bytes: usize,
    /// Whether series were named in an emission that was thrown away.
    is_stale: bool,
    /// By series, since the last take.
    counts: Vec<u64>,
    counted: Vec<u32>,
}

impl SeriesNumbers {
    /// Begins a batch. Starts the numbering over where there are too many series, or after [`SeriesNumbers::forget`].
    pub fn start(&mut self, emission: &mut Emission) {
        if self.is_stale || self.numbers.len() > MOST_SERIES || self.bytes > MOST_BYTES {
            *self = SeriesNumbers::default();
            emission.restart();
        }
    }

    /// Called when a batch failed: what its emission named is unknown to the host.
    pub fn forget(&mut self) {
        self.is_stale = true;
    }

    /// Numbers a series if it is new, and returns whether it was: it must then be named by [`Emission::series`] before the
    /// next one is asked about.
    pub fn is_new(&mut self, key: &SeriesKey) -> bool {
        if self.numbers.contains_key(key.bytes()) {
            return false;
        }
        let number = self.numbers.len() as u32;
        self.bytes += key.bytes().len();
        self.numbers.insert(key.bytes().into(), number);
        self.counts.push(0);
        true
    }

    /// The number of a series that has one.
    pub fn number(&self, key: &SeriesKey) -> Option<u32> {
        self.numbers.get(key.bytes()).copied()
    }

    /// Counts a series.
    pub fn count(&mut self, key: &SeriesKey, times: u64) {
        let Some(&number) = self.numbers.get(key.bytes()) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(number as usize) {
            if *count == 0 && times > 0 {
                self.counted.push(number);
            }
            *count += times;
        }
    }

    /// The series counted since the last call, and how often each.
    pub fn take(&mut self) -> (Vec<u32>, Vec<u64>) {
        let counted = std::mem::take(&mut self.counted);
        let counts = counted.iter().map(|&series| {
            let count = self.counts.get_mut(series as usize);
            count.map_or(0, std::mem::take)
        });
        let counts = counts.collect();
        (counted, counts)
    }
}
