//! The series that a batch becomes, by their labels.

use std::collections::HashMap;
use std::sync::Arc;

use crate::export::remote_write::labels::LabelSet;
use crate::export::remote_write::messages::{Histogram, Sample};

/// Labels of one series are no longer than this.
const MAX_LABELS: usize = 32 << 10;
/// What a series takes beside its labels, about.
const OVERHEAD: usize = 256;
/// All series of a batch are about no larger than this. Each repeats what its resource says.
const MAX_BYTES: usize = 256 << 20;

/// What a batch becomes.
#[derive(Debug, Default)]
pub struct Translation {
    pub series: Vec<Series>,
    pub families: Vec<Family>,
    /// Points that remote write cannot carry.
    pub rejected: u64,
    /// Why, for the first of them.
    pub remark: Option<&'static str>,
}

#[derive(Debug, Default)]
pub struct Series {
    pub labels: Arc<LabelSet>,
    pub samples: Vec<Sample>,
    pub histograms: Vec<Histogram>,
    pub exemplars: Vec<Exemplar>,
    /// Its place among the families.
    pub family: usize,
    /// Points that begin with this series; a histogram's other series do not count again.
    pub points: u64,
}

#[derive(Clone, Debug)]
pub struct Exemplar {
    pub labels: LabelSet,
    pub value: f64,
    pub timestamp: i64,
}

/// What is known of a metric.
#[derive(Debug)]
pub struct Family {
    pub name: String,
    pub kind: i32,
    pub help: String,
    pub unit: String,
}

/// Why a point is not sent.
pub type RejectionReason = &'static str;

/// Series under way.
pub struct SeriesTable {
    /// Whether they are for 2.0.
    pub is_v2: bool,
    found: HashMap<Arc<LabelSet>, usize>,
    /// What series take, about.
    bytes: usize,
    out: Translation,
}

impl SeriesTable {
    /// One without series.
    pub fn new(is_v2: bool) -> Self {
        SeriesTable {
            is_v2,
            found: HashMap::new(),
            bytes: 0,
            out: Translation::default(),
        }
    }

    /// The series at a place.
    pub fn series_mut(&mut self, place: usize) -> Option<&mut Series> {
        self.out.series.get_mut(place)
    }

    /// Counts points that are not sent.
    pub fn reject(&mut self, points: usize, what: RejectionReason) {
        self.out.rejected = self.out.rejected.saturating_add(points as u64);
        self.out.remark.get_or_insert(what);
    }

    /// Adds a family; returns its place.
    pub fn family(&mut self, family: Family) -> usize {
        self.out.families.push(family);
        self.out.families.len().saturating_sub(1)
    }

    /// The place of the series with these labels.
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

    /// Samples in the order of their time. Of several at one time, which backends refuse, the last counts.
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
