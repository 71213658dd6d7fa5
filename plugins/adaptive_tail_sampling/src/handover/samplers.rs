//! What samplers have learned of the traffic: it outlives other goals, and other rules if name and fingerprint are the same.

use serde::{Deserialize, Serialize};

use crate::adaptive::{Adaptive, Algorithm, Key};
use crate::rules::{Rules, Sampler};

/// One sampler.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SavedSampler {
    rule: String,
    /// The entries of the fingerprint.
    selectors: Vec<String>,
    /// The length of a step of a window, and of an interval otherwise, ns; counts of another length say nothing.
    length: u64,
    is_windowed: bool,
    begun: u64,
    counted_since: u64,
    passed: u64,
    seen: f64,
    keys: Vec<SavedKey>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SavedKey {
    text: String,
    seen: f64,
    spans: u64,
    traces: u64,
    kept_first: u32,
    average: f64,
    size: f64,
    is_expected: bool,
    steps: Vec<f64>,
}

/// The length of what is counted, and whether it is a step of a window.
fn length(algorithm: Algorithm) -> (u64, bool) {
    match algorithm {
        Algorithm::Ema { interval, .. } => (interval, false),
        Algorithm::Windowed { step, .. } => (step, true),
    }
}

fn texts(rules: &Rules, selectors: &[usize]) -> Vec<String> {
    let selectors = selectors.iter().filter_map(|at| rules.selectors.get(*at));
    selectors.map(|selector| selector.text()).collect()
}

pub(super) fn save(rules: &Rules) -> Vec<SavedSampler> {
    let adaptive = rules.adaptive();
    let saved = adaptive.map(|(rule, sampler, selectors)| {
        let (length, is_windowed) = length(sampler.plan.algorithm);
        let keys = sampler.keys.iter().map(|key| SavedKey {
            text: key.text.to_string(),
            seen: key.seen,
            spans: key.spans,
            traces: key.traces,
            kept_first: key.kept_first,
            average: key.average,
            size: key.size,
            is_expected: key.is_expected,
            steps: key.steps.iter().copied().collect(),
        });
        SavedSampler {
            rule: rule.to_owned(),
            selectors: texts(rules, selectors),
            length,
            is_windowed,
            begun: sampler.begun,
            counted_since: sampler.counted_since,
            passed: sampler.passed,
            seen: sampler.seen,
            keys: keys.collect(),
        }
    });
    saved.collect()
}

pub(super) fn restore(rules: &mut Rules, saved: &[SavedSampler]) {
    let wanted: Vec<Vec<String>> = rules
        .list
        .iter()
        .map(|rule| match &rule.sampler {
            Sampler::Fixed(_) => Vec::new(),
            Sampler::Adaptive { selectors, .. } => texts(rules, selectors),
        })
        .collect();
    for (rule, wanted) in rules.list.iter_mut().zip(wanted) {
        let Sampler::Adaptive { sampler, .. } = &mut rule.sampler else {
            continue;
        };
        let found = saved.iter().find(|saved| {
            saved.rule == rule.name
                && saved.selectors == wanted
                && saved.is_windowed == length(sampler.plan.algorithm).1
        });
        if let Some(saved) = found {
            take_over(sampler, saved);
        }
    }
}

/// A count as it can be: what comes from elsewhere may be anything.
fn count(value: f64) -> f64 {
    match value.is_finite() && value >= 0.0 {
        true => value,
        false => 0.0,
    }
}

fn take_over(sampler: &mut Adaptive, saved: &SavedSampler) {
    let (own, is_windowed) = length(sampler.plan.algorithm);
    let is_same_length = own == saved.length;
    if is_windowed && !is_same_length {
        return;
    }
    // An average of longer intervals is one of more spans.
    let scale = match saved.length {
        0 => 0.0,
        length => own as f64 / length as f64,
    };
    sampler.begun = saved.begun;
    sampler.counted_since = saved.counted_since;
    sampler.passed = saved.passed;
    sampler.seen = count(saved.seen);
    for (at, saved) in saved.keys.iter().enumerate() {
        let mut key = Key::new(saved.text.as_str().into(), sampler.keys.unknown);
        key.seen = count(saved.seen);
        (key.spans, key.traces) = (saved.spans, saved.traces);
        key.kept_first = saved.kept_first;
        key.average = count(saved.average * scale);
        key.size = count(saved.size);
        key.is_expected = saved.is_expected;
        key.steps = saved.steps.iter().map(|spans| count(*spans)).collect();
        match at {
            0 => sampler.keys.set_other(key),
            _ => {
                sampler.keys.insert(key);
            }
        }
    }
    if sampler.passed > 0 {
        sampler.compute();
    }
}
