//! What is known of each fingerprint.

use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// The fingerprint that those share for which there is no room.
pub(crate) const OTHER: &str = "<other>";

/// Bytes that the texts of fingerprints may take.
const MAX_BYTES: usize = 16 << 20;

/// One fingerprint.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub text: Rc<str>,
    /// Spans of the interval or step at hand, each counted for those it stands for.
    pub seen: f64,
    /// Spans of the interval as they came, and traces.
    pub spans: u64,
    pub traces: u64,
    /// Traces since counting for the minimum began.
    pub kept_first: u32,
    /// Spans expected of an interval.
    pub average: f64,
    /// Spans of a trace.
    pub size: f64,
    /// Whether any came in the last interval: those that did not are not expected, and take no part of the goal.
    pub is_expected: bool,
    /// What came in the last steps, the oldest in front.
    pub steps: VecDeque<f64>,
    /// What its traces are sampled by.
    pub threshold: u64,
}

impl Key {
    pub(crate) fn new(text: Rc<str>, threshold: u64) -> Self {
        Key {
            text,
            seen: 0.0,
            spans: 0,
            traces: 0,
            kept_first: 0,
            average: 0.0,
            size: 1.0,
            is_expected: false,
            steps: VecDeque::new(),
            threshold,
        }
    }

    pub(super) fn add(&mut self, spans: u32, counted: f64) {
        self.seen += counted;
        self.spans = self.spans.saturating_add(u64::from(spans));
        self.traces = self.traces.saturating_add(1);
        self.kept_first = self.kept_first.saturating_add(1);
    }

    /// Ends the interval or step: returns what came.
    fn take_seen(&mut self) -> f64 {
        if self.traces > 0 {
            self.size = self.spans as f64 / self.traces as f64;
        }
        (self.spans, self.traces) = (0, 0);
        std::mem::take(&mut self.seen)
    }
}

/// The fingerprints of a sampler. The first is [`OTHER`].
#[derive(Debug)]
pub(crate) struct Keys {
    most: usize,
    by_text: HashMap<Rc<str>, u32>,
    list: Vec<Key>,
    bytes: usize,
    /// The threshold of those of which nothing is known yet.
    pub(crate) unknown: u64,
}

impl Keys {
    pub(super) fn new(most: usize, initial: u64) -> Self {
        Keys {
            most,
            by_text: HashMap::new(),
            list: vec![Key::new(OTHER.into(), initial)],
            bytes: 0,
            unknown: initial,
        }
    }

    /// How many have a rate of their own.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_text.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Key> {
        self.list.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Key> {
        self.list.iter_mut()
    }

    /// Where a fingerprint stands: among those that share one, if there is no room.
    pub(super) fn find_or_add(&mut self, text: &str) -> usize {
        match self.by_text.get(text) {
            Some(at) => *at as usize,
            None => self.insert(Key::new(text.into(), self.unknown)),
        }
    }

    /// Adds a fingerprint that is not known, if there is room.
    pub(crate) fn insert(&mut self, key: Key) -> usize {
        let is_full = self.by_text.len() >= self.most || self.bytes + key.text.len() > MAX_BYTES;
        if is_full || self.by_text.contains_key(&key.text) {
            return 0;
        }
        let at = self.list.len();
        self.bytes += key.text.len();
        self.by_text.insert(Rc::clone(&key.text), at as u32);
        self.list.push(key);
        at
    }

    /// Takes over what is known of those that share one.
    pub(crate) fn set_other(&mut self, key: Key) {
        if let Some(other) = self.list.first_mut() {
            *other = Key {
                text: OTHER.into(),
                ..key
            };
        }
    }

    pub(super) fn get(&self, at: usize) -> &Key {
        &self.list[at]
    }

    pub(super) fn get_mut(&mut self, at: usize) -> &mut Key {
        &mut self.list[at]
    }

    pub(super) fn count_anew(&mut self) {
        for key in &mut self.list {
            key.kept_first = 0;
        }
    }

    /// Averages what came, which is scaled to a whole interval. One that is new begins with what came; one that has become
    /// too small to count is forgotten.
    pub(super) fn average(&mut self, weight: f64, scale: f64) {
        for key in &mut self.list {
            let came = key.take_seen() * scale;
            key.is_expected = came > 0.0;
            key.average = match key.average > 0.0 {
                true => came * weight + key.average * (1.0 - weight),
                false => came,
            };
            if key.average < weight {
                key.average = 0.0;
            }
        }
        self.forget(|key| key.average == 0.0);
    }

    /// Adds the step at hand and empty ones behind it to the windows, which have so many steps.
    pub(super) fn step(&mut self, over: u64, steps: usize) {
        for key in &mut self.list {
            let came = key.take_seen();
            key.steps.push_back(came);
            for _ in 1..over.min(steps as u64 + 1) {
                key.steps.push_back(0.0);
            }
            while key.steps.len() > steps {
                key.steps.pop_front();
            }
            key.average = key.steps.iter().sum();
            key.is_expected = key.average > 0.0;
        }
        self.forget(|key| key.average <= 0.0);
    }

    fn forget(&mut self, is_gone: impl Fn(&Key) -> bool) {
        let mut at = 0;
        self.list.retain(|key| {
            let stays = at == 0 || !is_gone(key);
            at += 1;
            stays
        });
        if at == self.list.len() {
            return;
        }
        self.bytes = self.list.iter().skip(1).map(|key| key.text.len()).sum();
        self.by_text.clear();
        for (at, key) in self.list.iter().enumerate().skip(1) {
            self.by_text.insert(Rc::clone(&key.text), at as u32);
        }
    }
}
