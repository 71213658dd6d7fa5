//! The series of a batch, by their labels.

use std::collections::HashMap;
use std::sync::Arc;

use crate::export::remote_write::labels::LabelSet;
use crate::export::remote_write::messages::{Histogram, Sample};

/// Limit on the length of a series' labels.
const MAX_LABELS: usize = 32 << 10;
/// Estimated memory of a series besides its labels, in bytes.
const OVERHEAD: usize = 256;
/// Limit on the estimated memory of a batch's series; each repeats its resource's labels.
const MAX_BYTES: usize = 256 << 20;

/// A batch as series.
#[derive(Debug, Default)]
pub struct Translation {
    pub series: Vec<Series>,
    pub families: Vec<Family>,
    /// Points that remote write cannot carry.
    pub rejected: u64,
    /// The reason for the first of them.
    pub remark: Option<&'static str>,
}

#[derive(Debug, Default)]
pub struct Series {
    pub labels: Arc<LabelSet>,
    pub samples: Vec<Sample>,
    pub histograms: Vec<Histogram>,
    pub exemplars: Vec<Exemplar>,
    /// The index of its family.
    pub family: usize,
    /// Points counted at this series; a histogram's points are counted at one of its series.
    pub points: u64,
}

#[derive(Clone, Debug)]
pub struct Exemplar {
    pub labels: LabelSet,
    pub value: f64,
    pub timestamp: i64,
}

/// The metadata of a metric.
#[derive(Debug)]
pub struct Family {
    pub name: String,
    pub kind: i32,
    pub help: String,
    pub unit: String,
}

/// Why a point was not sent.
pub type RejectionReason = &'static str;

/// Series under construction.
pub struct SeriesTable {
    /// Whether they are for 2.0.
    pub is_v2: bool,
    found: HashMap<Arc<LabelSet>, usize>,
    /// Estimated memory of the series, in bytes.
    bytes: usize,
    out: Translation,
}

impl SeriesTable {
    /// An empty table.
    pub fn new(is_v2: bool) -> Self {
        SeriesTable {
            is_v2,
            found: HashMap::new(),
            bytes: 0,
            out: Translation::default(),
        }
    }

    /// The series with an index.
    pub fn series_mut(&mut self, place: usize) -> Option<&mut Series> {
        self.out.series.get_mut(place)
    }

    /// Counts points that are not sent.
    pub fn reject(&mut self, points: usize, what: RejectionReason) {
        self.out.rejected = self.out.rejected.saturating_add(points as u64);
        self.out.remark.get_or_insert(what);
    }

    /// Adds a family. Returns its index.
    pub fn family(&mut self, family: Family) -> usize {
        self.out.families.push(family);
        self.out.families.len().saturating_sub(1)
    }

    /// Returns the index of the series with these labels, which is added if it is new.
    pub fn place(&mut self, labels: LabelSet, family: usize) -> Result<usize, RejectionReason> {
        let length: usize = labels.iter().map(|(n, v)| n.len() + v.len()).sum();
        if length > MAX_LABELS {
            return Err("a series has more than 32 KiB of labels");
        }
        if let Some(place) = self.found.get(&labels) {
            return Ok(*place);
        }
        let more = length.saturating_add(OVERHEAD);
        self.bytes = self.bytes.saturating_add(more);
        if self.bytes > MAX_BYTES {
            return Err(
                "a batch would become more than 256 MiB of series; send smaller ones, or fewer attributes as labels",
            );
        }
        let labels = Arc::new(labels);
        let place = self.out.series.len();
        self.found.insert(Arc::clone(&labels), place);
        self.out.series.push(Series {
            labels,
            family,
            ..Series::default()
        });
        Ok(place)
    }

    /// Sorts samples by time. Of several with the same time, which backends reject, the last counts.
    pub fn finish(mut self) -> Translation {
        for series in &mut self.out.series {
            series.samples.sort_by_key(|sample| sample.timestamp);
            last_of_each(&mut series.samples, |sample| sample.timestamp);
            series.histograms.sort_by_key(|one| one.timestamp);
            last_of_each(&mut series.histograms, |one| one.timestamp);
            series.exemplars.sort_by_key(|exemplar| exemplar.timestamp);
        }
        self.out
    }
}

fn last_of_each<T>(sorted: &mut Vec<T>, time: impl Fn(&T) -> i64) {
    sorted.reverse();
    sorted.dedup_by_key(|one| time(one));
    sorted.reverse();
}

/// A time in the milliseconds of remote write.
pub fn millis(unix_nano: u64) -> i64 {
    i64::try_from(unix_nano / 1_000_000).unwrap_or(i64::MAX)
}
