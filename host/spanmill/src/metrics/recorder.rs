//! Between one instance of a connector and its totals: which series its numbers mean.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use spanmill_otlp::Workspace;
use spanmill_runtime::{Emission, Fault, InstrumentKind};
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::measurements::Measurements;
use super::series::{Known, Series, attributes};
use super::totals::Totals;

/// Series one instance may name before it must start over.
const MAX_SERIES: usize = 1 << 20;

/// What one instance of a connector has named so far.
pub struct Recorder {
    totals: Arc<Totals>,
    /// Shared with what its batches measured: references to single series would be counted up by one thread and down
    /// by another, which costs more than all the rest.
    known: Arc<Mutex<Known>>,
    /// How many those are.
    count: usize,
    /// The place of each known series among those of a batch, and which batch that was: so that a small
    /// batch need not touch every series.
    local: Vec<(u64, u32)>,
    batch: u64,
}

/// What a batch measured. Counts nothing until it is committed.
#[derive(Clone)]
#[must_use = "measurements count only when they are committed"]
pub struct Measured {
    totals: Arc<Totals>,
    known: Arc<Mutex<Known>>,
    /// Which of those known were measured.
    series: Vec<u32>,
    recordings: Vec<Measurements>,
    now_unix_nano: u64,
    _uncommitted: TaskTrackerToken,
}

impl Measured {
    /// Adds the measurements to the totals.
    pub fn commit(self) {
        let mut known = lock(&self.known);
        self.totals.record(
            &mut known,
            &self.series,
            &self.recordings,
            self.now_unix_nano,
        );
    }

    /// When the batch was received.
    pub fn now_unix_nano(&self) -> u64 {
        self.now_unix_nano
    }

    /// How often each series was measured, and what that adds up to: by instrument, and the encoded attributes of
    /// resource and series.
    pub fn summary(&self) -> Summary {
        let known = lock(&self.known);
        let mut summary = BTreeMap::new();
        for measurements in &self.recordings {
            for (at, &series) in measurements.series.iter().enumerate() {
                let number = self.series.get(series as usize).copied();
                let Some(series) = number.and_then(|number| known.series.get(number as usize))
                else {
                    continue;
                };
                let (value, times) = measurements.at(at);
                let key = (
                    measurements.instrument,
                    series.resource_key.clone(),
                    series.key.clone(),
                );
                let (count, sum) = summary.entry(key).or_insert((0, 0.0));
                *count += times;
                *sum += value.unwrap_or(1.0) * times as f64;
            }
        }
        summary
    }
}

/// How often each series was measured, and what that adds up to; see [`Measured::summary`].
pub type Summary = BTreeMap<(u32, Box<[u8]>, Box<[u8]>), (u64, f64)>;

/// A panic elsewhere leaves names that are as good as before.
fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

fn broken(what: &str) -> Fault {
    Fault::Emission(what.to_owned())
}

impl Recorder {
    /// A recorder for a new instance.
    pub fn new(totals: &Arc<Totals>) -> Self {
        Recorder {
            totals: Arc::clone(totals),
            known: Arc::default(),
            count: 0,
            local: Vec::new(),
            batch: 0,
        }
    }

    /// The instance was replaced: what its numbers meant is gone.
    pub fn reset(&mut self) {
        self.known = Arc::default();
        self.count = 0;
    }

    /// Checks an emission and takes in the series it names. On an error the instance's numbering is of no
    /// more use, and the instance must be replaced.
    pub fn take(
        &mut self,
        emission: Emission,
        workspace: &Workspace,
        stage: usize,
        now_unix_nano: u64,
    ) -> Result<Measured, Fault> {
        if emission.restart {
            self.reset();
        }
        self.name(&emission, workspace, stage)?;
        self.batch += 1;
        self.local.resize(self.count, (0, 0));
        let mut series = Vec::new();
        let mut recordings = Vec::with_capacity(emission.recordings.len());
        for recording in emission.recordings {
            let instruments = &self.totals.stream().instruments;
            let Some(instrument) = instruments.get(recording.instrument as usize) else {
                return Err(broken("a recording names no instrument"));
            };
            let count = recording.series.len();
            let fits = |len: usize| len == 0 || len == count;
            if !fits(recording.values.len())
                || !fits(recording.counts.len())
                || !fits(recording.rows.len())
            {
                return Err(broken("the lists of a recording differ in length"));
            }
            if recording.values.iter().any(|value| !value.is_finite()) {
                return Err(broken("a measurement is not finite"));
            }
            if instrument.kind == InstrumentKind::Sum
                && recording.values.iter().any(|value| *value < 0.0)
            {
                return Err(broken("a sum that only grows is given a negative value"));
            }
            let mut measured = recording.series;
            for number in &mut measured {
                let Some(local) = self.local.get_mut(*number as usize) else {
                    return Err(broken("a measurement names a series that was not defined"));
                };
                if local.0 != self.batch {
                    *local = (self.batch, series.len() as u32);
                    series.push(*number);
                }
                *number = local.1;
            }
            // A span without a trace id leads nowhere.
            let ids = recording.rows.iter().map(|&row| {
                let ids = workspace.span_ids(row);
                ids.filter(|(trace_id, _)| *trace_id != 0)
            });
            recordings.push(Measurements {
                instrument: recording.instrument,
                series: measured,
                values: recording.values,
                counts: recording.counts,
                ids: ids.collect(),
            });
        }
        Ok(Measured {
            totals: Arc::clone(&self.totals),
            known: Arc::clone(&self.known),
            series,
            recordings,
            now_unix_nano,
            _uncommitted: self.totals.uncommitted(),
        })
    }

    fn name(
        &mut self,
        emission: &Emission,
        workspace: &Workspace,
        stage: usize,
    ) -> Result<(), Fault> {
        let rows = emission.attributes.ends.len();
        if emission.resources.ends.len() != rows {
            return Err(broken("series and their resources differ in number"));
        }
        if self.count + rows > MAX_SERIES {
            return Err(broken(
                "too many series; restart the numbering now and then",
            ));
        }
        let pool = workspace.pool_len(stage);
        let text = |index: u32| match index.checked_sub(pool) {
            None if workspace.may_read(stage, index) => Some(workspace.text(index)),
            None => None,
            Some(new) => {
                let new = new as usize;
                let end = *emission.texts.ends.get(new)? as usize;
                let start = match new.checked_sub(1) {
                    Some(before) => *emission.texts.ends.get(before)? as usize,
                    None => 0,
                };
                emission.texts.bytes.get(start..end)
            }
        };
        if rows == 0 {
            return Ok(());
        }
        let mut known = lock(&self.known);
        for row in 0..rows {
            let named = attributes(&emission.resources, row, &text).zip(attributes(
                &emission.attributes,
                row,
                &text,
            ));
            let Some((resource, attributes)) = named else {
                return Err(broken(
                    "a series has attributes beyond its lists, or texts it may not read",
                ));
            };
            let resource_key = &self.totals.stream().resource_key;
            known.push(Series::new(resource, attributes, resource_key));
        }
        self.count = known.series.len();
        Ok(())
    }
}
