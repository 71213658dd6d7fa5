//! The series this instance has named, by what they are.

use std::collections::HashMap;

use spanmill_sdk::{Cell, Emission, SeriesAttribute};

use crate::groups::Groups;

/// The series of one metric. Two metrics with the same dimensions share them.
#[derive(Debug)]
pub(crate) struct SeriesTable {
    keys: Groups,
    /// The number of each; numbers are given out over all tables.
    numbers: Vec<u32>,
}

impl SeriesTable {
    /// A table of keys of so many words.
    pub(crate) fn new(width: usize) -> Self {
        SeriesTable {
            keys: Groups::new(width),
            numbers: Vec::new(),
        }
    }

    /// Forgets every series.
    pub(crate) fn restart(&mut self) {
        self.keys = self.keys.empty();
        self.numbers.clear();
    }

    /// The number of a series. `next` is its number if it is new, which `true` says.
    #[inline]
    pub(crate) fn find(&mut self, key: &mut Vec<u64>, next: u32) -> (u32, bool) {
        let place = self.keys.find(key) as usize;
        match self.numbers.get(place) {
            Some(&number) => (number, false),
            None => {
                self.numbers.push(next);
                (next, true)
            }
        }
    }
}

/// The texts that data points have in common, made at most once a batch.
#[derive(Debug, Default)]
pub(crate) struct Names(HashMap<String, u32>);

impl Names {
    pub(crate) fn start(&mut self) {
        self.0.clear();
    }

    pub(crate) fn text(&mut self, text: &str, emission: &mut Emission) -> u32 {
        match self.0.get(text) {
            Some(&index) => index,
            None => {
                let index = emission.text(text);
                self.0.insert(text.to_owned(), index);
                index
            }
        }
    }
}

/// Puts an attribute; one of the same name gets the new value.
pub(crate) fn put(attributes: &mut Vec<SeriesAttribute>, name: u32, value: Cell) {
    match attributes.iter_mut().find(|(known, _)| *known == name) {
        Some(known) => known.1 = value,
        None => attributes.push((name, value)),
    }
}
