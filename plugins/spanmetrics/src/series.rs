//! The series this instance has named: their numbers, which of them a batch measures, and what they are called.

use std::collections::HashMap;

use spanmill_sdk::{Cell, Emission, SeriesAttribute};

/// Which series the batch at hand measures, and how often.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    /// By series: the batch that measured it last, and its place among those of that batch.
    places: Vec<(u32, u32)>,
    batch: u32,
    series: Vec<u32>,
    counts: Vec<u64>,
}

impl Touched {
    /// Begins a batch; so many series have been named.
    pub(crate) fn start(&mut self, named: u32) {
        self.batch = self.batch.wrapping_add(1);
        if self.batch == 0 {
            self.places.clear();
            self.batch = 1;
        }
        self.places.resize(named as usize, (0, 0));
    }

    /// Counts series, each as often as `counts` says; where that is empty, once. [`NONE`] is no series.
    #[inline(never)]
    pub(crate) fn count(&mut self, list: &[u32], counts: &[u64]) {
        let (batch, places) = (self.batch, &mut self.places[..]);
        for (row, &series) in list.iter().enumerate() {
            let Some(place) = places.get_mut(series as usize) else {
                continue;
            };
            if place.0 != batch {
                *place = (batch, self.series.len() as u32);
                self.series.push(series);
                self.counts.push(0);
            }
            if let Some(sum) = self.counts.get_mut(place.1 as usize) {
                *sum += counts.get(row).map_or(1, |&count| count.max(1));
            }
        }
    }

    /// The series measured, and how often each.
    pub(crate) fn take(&mut self) -> (Vec<u32>, Vec<u64>) {
        (
            std::mem::take(&mut self.series),
            std::mem::take(&mut self.counts),
        )
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
