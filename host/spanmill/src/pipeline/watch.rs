//! Telemetry shown to whoever looks, as it passes. Nobody mostly does: then a batch costs one look at a counter.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::config::{ComponentId, PipelineId};

/// Where in a pipeline somebody looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchPoint {
    /// What comes into the pipeline.
    Start,
    /// What a component is given.
    Before(ComponentId),
    /// What is left behind a component.
    After(ComponentId),
    /// What leaves the pipeline.
    End,
}

/// A batch that has passed.
#[derive(Debug)]
pub struct WatchedBatch {
    /// Where.
    pub pipeline: PipelineId,
    /// An OTLP request.
    pub bytes: Bytes,
}

/// A pipeline, and who may look at it.
#[derive(Clone, Debug)]
pub(super) struct WatchedPipeline {
    pub(super) pipeline: Arc<PipelineId>,
    pub(super) watchers: Watchers,
}

impl WatchedPipeline {
    /// Whether anybody looks at anything.
    pub(super) fn is_watched(&self) -> bool {
        self.watchers.are_active()
    }

    /// Shows what a component is given.
    pub(super) fn before(&self, component: &ComponentId, copy: impl Fn() -> Option<Bytes>) {
        let here = |at: &WatchPoint| matches!(at, WatchPoint::Before(id) if id == component);
        self.watchers.show(&self.pipeline, here, copy);
    }

    /// Shows what is left behind a component.
    pub(super) fn after(&self, component: &ComponentId, copy: impl Fn() -> Option<Bytes>) {
        let here = |at: &WatchPoint| matches!(at, WatchPoint::After(id) if id == component);
        self.watchers.show(&self.pipeline, here, copy);
    }
}

/// Batches that wait to be shown to one watcher; further ones are not shown.
const WAITING: usize = 4;
/// A watcher is not shown more than one batch in this time: each is copied.
const PAUSE: Duration = Duration::from_millis(20);

/// Who looks at the moment. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Watchers(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    active: AtomicUsize,
    watchers: Mutex<Vec<Watcher>>,
}

#[derive(Debug)]
struct Watcher {
    number: u64,
    places: Vec<(PipelineId, WatchPoint)>,
    next: Instant,
    batches: mpsc::Sender<WatchedBatch>,
}

/// Somebody's look at passing telemetry; over when dropped.
#[derive(Debug)]
pub struct Watching {
    batches: mpsc::Receiver<WatchedBatch>,
    number: u64,
    watchers: Watchers,
}

impl Watching {
    /// The next batch.
    pub async fn next(&mut self) -> Option<WatchedBatch> {
        self.batches.recv().await
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let mut watchers = self.watchers.lock();
        watchers.retain(|watcher| watcher.number != self.number);
        self.watchers.0.active.store(watchers.len(), Relaxed);
    }
}

impl Watchers {
    fn lock(&self) -> MutexGuard<'_, Vec<Watcher>> {
        self.0
            .watchers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at these places from now on; `None` if `most` others look already.
    pub fn watch(&self, places: Vec<(PipelineId, WatchPoint)>, most: usize) -> Option<Watching> {
        let (sender, batches) = mpsc::channel(WAITING);
        let mut watchers = self.lock();
        if watchers.len() >= most {
            return None;
        }
        let number = watchers.iter().map(|watcher| watcher.number).max();
        let number = number.map_or(0, |number| number.saturating_add(1));
        watchers.push(Watcher {
            number,
            places,
            next: Instant::now(),
            batches: sender,
        });
        self.0.active.store(watchers.len(), Relaxed);
        drop(watchers);
        Some(Watching {
            batches,
            number,
            watchers: self.clone(),
        })
    }

    /// Whether anybody looks.
    pub(super) fn are_active(&self) -> bool {
        self.0.active.load(Relaxed) > 0
    }

    /// Shows a batch to those who look here and have not just seen one. `copy` makes it, if there are any.
    pub(super) fn show(
        &self,
        pipeline: &PipelineId,
        point: impl Fn(&WatchPoint) -> bool,
        copy: impl Fn() -> Option<Bytes>,
    ) {
        if !self.are_active() {
            return;
        }
        let now = Instant::now();
        for watcher in self.lock().iter_mut() {
            let looks = |(of, at): &(PipelineId, WatchPoint)| of == pipeline && point(at);
            if watcher.next > now || !watcher.places.iter().any(looks) {
                continue;
            }
            let Ok(slot) = watcher.batches.try_reserve() else {
                continue;
            };
            if let Some(bytes) = copy() {
                watcher.next = now.checked_add(PAUSE).unwrap_or(now);
                slot.send(WatchedBatch {
                    pipeline: pipeline.clone(),
                    bytes,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Signal;

    fn pipeline(name: &str) -> PipelineId {
        PipelineId {
            signal: Signal::Traces,
            name: Some(name.to_owned()),
        }
    }

    fn show(watchers: &Watchers, name: &str, point: &WatchPoint) -> usize {
        let copies = AtomicUsize::new(0);
        let copy = || {
            copies.fetch_add(1, Relaxed);
            Some(Bytes::from_static(b"x"))
        };
        watchers.show(&pipeline(name), |at| at == point, copy);
        copies.load(Relaxed)
    }

    #[test]
    fn a_batch_is_copied_for_those_who_look_where_it_passes_and_never_for_nobody() {
        let watchers = Watchers::default();
        assert_eq!(show(&watchers, "a", &WatchPoint::Start), 0);
        let place = (pipeline("a"), WatchPoint::Start);
        let mut looking = watchers.watch(vec![place.clone()], 2).unwrap();
        assert_eq!(show(&watchers, "b", &WatchPoint::Start), 0);
        assert_eq!(show(&watchers, "a", &WatchPoint::End), 0);
        assert_eq!(show(&watchers, "a", &WatchPoint::Start), 1);
        // It has just seen one.
        assert_eq!(show(&watchers, "a", &WatchPoint::Start), 0);
        assert_eq!(looking.batches.try_recv().unwrap().bytes, "x");
        let _second = watchers.watch(vec![place.clone()], 2).unwrap();
        assert!(watchers.watch(vec![place], 2).is_none());
        drop(looking);
        assert!(watchers.are_active());
        drop(_second);
        assert!(!watchers.are_active());
    }
}
