//! Points that have the same labels and the same time.

use std::collections::HashMap;

use spanmill_sdk::{Batch, Cell};

use crate::aggregate::Aggregation;
use crate::metric::{Datum, Metric};

/// Marks numbers of the settings' texts; pool indices are below.
const CONSTANT: u64 = 1 << 32;

/// Doubles up to here are whole numbers if they have no fraction.
const WHOLE: f64 = 9_007_199_254_740_992.0;

/// Which values of a batch are equal. Equal pool indices are equal texts, but a text of the settings may stand in the
/// pool too.
#[derive(Debug, Default)]
pub(crate) struct Equal {
    constants: HashMap<String, u32>,
    /// By pool index: 0 not looked up, 1 none of the settings', else 2 + its number.
    known: Vec<u32>,
}

impl Equal {
    pub(crate) fn new(constants: &[String]) -> Self {
        let numbered = constants.iter().cloned().zip(0..);
        Equal {
            constants: numbered.collect(),
            known: Vec::new(),
        }
    }

    /// Begins a batch.
    pub(crate) fn start(&mut self, batch: &Batch<'_>) {
        self.known.clear();
        self.known.resize(batch.texts.len(), 0);
    }

    /// Words that are equal for equal values. As in the Collector, whose keys are JSON, 1 and 1.0 are equal.
    fn words(&mut self, batch: &Batch<'_>, value: Datum) -> [u64; 2] {
        match value {
            Datum::Constant(number) => [1, CONSTANT | u64::from(number)],
            Datum::Sent(1, text) => {
                let text = text as u32;
                match self.constant(batch, text) {
                    Some(number) => [1, CONSTANT | u64::from(number)],
                    None => [1, u64::from(text)],
                }
            }
            Datum::Sent(4, bits) => {
                let value = f64::from_bits(bits);
                match value.abs() <= WHOLE && value.fract() == 0.0 {
                    true => [3, value as i64 as u64],
                    false => [4, bits],
                }
            }
            Datum::Sent(kind, bits) => [u64::from(kind), bits],
        }
    }

    fn constant(&mut self, batch: &Batch<'_>, text: u32) -> Option<u32> {
        let known = self.known.get_mut(text as usize)?;
        if *known == 0 {
            let number = self.constants.get(batch.texts.get(text));
            *known = number.map_or(1, |number| 2 + number);
        }
        known.checked_sub(2)
    }
}

/// Makes one point of those of a metric that have the same labels and the same time, and of a sum of deltas the same start.
/// The first stays, with the value of all and the earliest start. Only numbers can be put together: if others would have to
/// be, the answer is false, and points are as they were.
pub(crate) fn merge(
    metric: &mut Metric,
    by: Aggregation,
    equal: &mut Equal,
    batch: &Batch<'_>,
) -> bool {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut known: HashMap<Vec<u64>, usize> = HashMap::new();
    for (place, point) in metric.points.iter().enumerate() {
        let mut labels: Vec<[u64; 3]> = Vec::with_capacity(point.labels.len());
        for label in &point.labels {
            let [kind, bits] = equal.words(batch, label.value);
            labels.push([u64::from(label.key), kind, bits]);
        }
        labels.sort_unstable();
        let start = if metric.is_delta { point.start } else { 0 };
        let mut key = labels.into_flattened();
        key.extend([point.time, start]);
        let group = *known.entry(key).or_insert(groups.len());
        match groups.get_mut(group) {
            Some(group) => group.push(place),
            None => groups.push(vec![place]),
        }
    }
    if groups.len() == metric.points.len() {
        return true;
    }
    if !metric.kind.is_number() {
        return false;
    }
    let points = std::mem::take(&mut metric.points);
    for group in groups {
        let mut first = points[group[0]].clone();
        let values: Vec<Cell> = group.iter().map(|place| points[*place].value).collect();
        first.value = by.of(&values);
        if first.value != Cell::Absent {
            let starts = group.iter().map(|place| points[*place].start);
            first.start = starts.min().unwrap_or(first.start);
        }
        metric.points.push(first);
    }
    true
}
