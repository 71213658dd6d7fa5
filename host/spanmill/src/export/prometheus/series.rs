//! A series as shown, and the sources it is made from.
//!
//! Names and labels of different metrics and resources may become equal when they are written. Their counts are then
//! added up: if one replaced the other, the counter would jump up and down.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::kind::Kind;
use super::reading::Reading;

/// Limit on the sources of one series; further ones are rejected.
const MAX_SOURCES: usize = 1000;

pub(super) struct Series {
    first: Source,
    others: Vec<Source>,
    /// Totals of sources that were reset or are gone: a counter made from several must not decrease.
    settled: Option<Reading>,
}

/// One resource, scope, metric and set of attributes.
pub(super) struct Source {
    pub(super) id: u64,
    pub(super) reading: Reading,
    pub(super) time_unix_nano: u64,
    /// Start of a total; 0: unknown.
    pub(super) start_unix_nano: u64,
    pub(super) updated: Instant,
}

/// The value shown for a series.
pub(super) struct SeriesValue<'a> {
    pub(super) reading: Cow<'a, Reading>,
    pub(super) time_unix_nano: u64,
    /// Start of a total; 0: unknown, or several sources.
    pub(super) start_unix_nano: u64,
}

impl Series {
    pub(super) fn new(first: Source) -> Self {
        Series {
            first,
            others: Vec::new(),
            settled: None,
        }
    }

    /// Takes a new value of one of its sources, a total or a delta. Returns whether it was accepted.
    pub(super) fn take(&mut self, new: Source, kind: Kind, is_delta: bool) -> bool {
        let is_alone = self.others.is_empty() && self.settled.is_none();
        let may_differ = is_alone && self.first.id == new.id;
        if !may_differ && !self.first.reading.is_like(&new.reading) {
            return false;
        }
        let mut sources = std::iter::once(&mut self.first).chain(&mut self.others);
        let Some(source) = sources.find(|source| source.id == new.id) else {
            let has_room = self.others.len() < MAX_SOURCES;
            if has_room {
                self.others.push(new);
            }
            return has_room;
        };
        if is_delta {
            if !source.reading.add(&new.reading) {
                source.reading = new.reading;
                source.start_unix_nano = new.start_unix_nano;
            }
        } else {
            // Late values say nothing new.
            if new.time_unix_nano < source.time_unix_nano {
                return true;
            }
            let Source { mut reading, .. } = new;
            if !is_alone && kind.is_total() && reading.is_below(&source.reading) {
                settle(&mut self.settled, &source.reading);
            }
            reading.keep_exemplars(&mut source.reading);
            source.reading = reading;
            source.start_unix_nano = new.start_unix_nano;
        }
        source.time_unix_nano = new.time_unix_nano;
        source.updated = new.updated;
        true
    }

    /// Drops expired sources. Returns whether any is left.
    pub(super) fn expire(&mut self, kind: Kind, now: Instant, expiration: Duration) -> bool {
        self.forget(kind, |source| {
            now.saturating_duration_since(source.updated) >= expiration
        })
    }

    /// Drops a source that has ended. Returns whether any is left.
    pub(super) fn end(&mut self, kind: Kind, id: u64) -> bool {
        self.forget(kind, |source| source.id == id)
    }

    fn forget(&mut self, kind: Kind, is_over: impl Fn(&Source) -> bool) -> bool {
        let settled = &mut self.settled;
        let has_others = !self.others.is_empty();
        self.others.retain(|source| {
            let over = is_over(source);
            if over && kind.is_total() {
                settle(settled, &source.reading);
            }
            !over
        });
        if !is_over(&self.first) {
            return true;
        }
        if has_others && kind.is_total() {
            settle(settled, &self.first.reading);
        }
        match self.others.pop() {
            Some(other) => {
                self.first = other;
                true
            }
            None => false,
        }
    }

    /// The value shown: totals added up; the newest of gauges and summaries.
    pub(super) fn shown(&self, kind: Kind) -> SeriesValue<'_> {
        let is_alone = self.others.is_empty() && self.settled.is_none();
        if is_alone || !kind.adds_up() {
            let newest = self.others.iter().fold(&self.first, |newest, source| {
                match source.updated > newest.updated {
                    true => source,
                    false => newest,
                }
            });
            return SeriesValue {
                reading: Cow::Borrowed(&newest.reading),
                time_unix_nano: newest.time_unix_nano,
                start_unix_nano: newest.start_unix_nano,
            };
        }
        let mut sum = self.first.reading.clone();
        let mut time = self.first.time_unix_nano;
        for source in &self.others {
            // All have the same kind and bounds; others were rejected.
            let _ = sum.add(&source.reading);
            time = time.max(source.time_unix_nano);
        }
        if let Some(settled) = &self.settled {
            let _ = sum.add(settled);
        }
        SeriesValue {
            reading: Cow::Owned(sum),
            time_unix_nano: time,
            start_unix_nano: 0,
        }
    }

    /// Estimated memory, in bytes.
    pub(super) fn weight(&self) -> usize {
        let sources = std::iter::once(&self.first).chain(&self.others);
        let readings = sources
            .map(|source| source.reading.weight())
            .fold(0, usize::saturating_add);
        let settled = self.settled.as_ref().map_or(0, Reading::weight);
        readings
            .saturating_add(settled)
            .saturating_add(self.others.len().saturating_mul(size_of::<Source>()))
            .saturating_add(size_of::<Self>())
    }
}

fn settle(settled: &mut Option<Reading>, reading: &Reading) {
    match settled {
        Some(settled) => {
            let _ = settled.add(reading);
        }
        None => *settled = Some(reading.clone()),
    }
}
