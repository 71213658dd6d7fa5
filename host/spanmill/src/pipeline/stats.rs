//! What a version of a component has done, counted by all of its instances.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use spanmill_runtime::{Fault, Slot};

/// The counts of one version.
#[derive(Default)]
pub struct Stats {
    calls: AtomicU64,
    items_in: AtomicU64,
    items_out: AtomicU64,
    items_dropped: AtomicU64,
    items_passed: AtomicU64,
    log_lines_dropped: AtomicU64,
    quarantined: AtomicU64,
    recycled: AtomicU64,
    more: Mutex<More>,
}

#[derive(Default)]
struct More {
    /// In ns, to two digits.
    latency: Option<Histogram<u32>>,
    faults: BTreeMap<&'static str, u64>,
    counters: BTreeMap<String, u64>,
    instances: Vec<Weak<Gauge>>,
}

/// What one instance holds at the moment.
#[derive(Default)]
pub struct Gauge {
    memory_bytes: AtomicU64,
    /// Items that the host holds for it, until it decides.
    held_items: AtomicU64,
    /// Bytes of them that have yet to be stored.
    unwritten_bytes: AtomicU64,
    quarantined_until: Mutex<Option<Instant>>,
}

/// The counts at one moment.
#[derive(Clone, Debug, Default)]
pub struct StatsSnapshot {
    /// Batches it was called with.
    pub calls: u64,
    /// Spans in them.
    pub items_in: u64,
    /// Spans it let go on.
    pub items_out: u64,
    /// Spans it dropped.
    pub items_dropped: u64,
    /// Spans or log records that are held for it.
    pub items_held: u64,
    /// Spans that went on without it after a fault.
    pub items_passed: u64,
    /// Its log lines that were too many.
    pub log_lines_dropped: u64,
    /// Calls that were not made because it was in quarantine.
    pub quarantined: u64,
    /// Instances replaced because their memory had passed the mark.
    pub recycled: u64,
    /// Half of the calls took no longer, in ns.
    pub p50_ns: u64,
    /// Of 100 calls, 99 took no longer, in ns.
    pub p99_ns: u64,
    /// Faults by kind.
    pub faults: BTreeMap<String, u64>,
    /// The plugin's own counters.
    pub counters: BTreeMap<String, u64>,
    /// Instances there are.
    pub instances: u64,
    /// Memory of all of them, in bytes.
    pub memory_bytes: u64,
    /// Bytes of what is held for them that have yet to be stored.
    pub unwritten_bytes: u64,
    /// Whether one of them is in quarantine.
    pub is_quarantined: bool,
}

/// The plugin's own counters: so many at most, over all versions of an instance.
const COUNTERS: usize = 64;

pub(super) fn histogram() -> Option<Histogram<u32>> {
    // From a microsecond to ten minutes; more counts as ten minutes.
    Histogram::new_with_bounds(1_000, 600_000_000_000, 2).ok()
}

impl Stats {
    fn more(&self) -> MutexGuard<'_, More> {
        self.more.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A gauge for one more instance; it counts as long as it is held.
    pub fn instance(&self) -> Arc<Gauge> {
        let gauge = Arc::default();
        let mut more = self.more();
        more.instances.retain(|known| known.strong_count() > 0);
        more.instances.push(Arc::downgrade(&gauge));
        gauge
    }

    /// Counts a call that the plugin answered, or failed.
    pub fn call(&self, spans: usize, took: Duration) {
        self.calls.fetch_add(1, Relaxed);
        self.items_in.fetch_add(spans as u64, Relaxed);
        let mut more = self.more();
        if more.latency.is_none() {
            more.latency = histogram();
        }
        if let Some(latency) = &mut more.latency {
            latency.saturating_record(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Counts what became of the spans of a call that went well.
    pub fn let_out(&self, spans: usize, dropped: usize) {
        let kept = spans.saturating_sub(dropped);
        self.items_out.fetch_add(kept as u64, Relaxed);
        self.items_dropped.fetch_add(dropped as u64, Relaxed);
    }

    /// Counts held items that were decided on.
    pub fn decided(&self, released: usize, dropped: usize) {
        self.items_out.fetch_add(released as u64, Relaxed);
        self.items_dropped.fetch_add(dropped as u64, Relaxed);
    }

    /// Counts spans that went on without the plugin, after a fault.
    pub fn passed(&self, spans: usize) {
        self.items_passed.fetch_add(spans as u64, Relaxed);
    }

    /// Counts a fault.
    pub fn fault(&self, fault: &Fault) {
        match fault {
            Fault::Quarantined(_) => drop(self.quarantined.fetch_add(1, Relaxed)),
            fault => *self.more().faults.entry(fault.kind()).or_default() += 1,
        }
    }

    /// Counts an instance that had grown too large.
    pub fn recycled(&self) {
        self.recycled.fetch_add(1, Relaxed);
    }

    /// Takes in what the plugin itself counted.
    pub fn take(&self, slot: &mut Slot) {
        let dropped = slot.take_dropped_lines();
        if dropped > 0 {
            self.log_lines_dropped.fetch_add(dropped, Relaxed);
        }
        slot.take_counts(|name, delta| {
            let counters = &mut self.more().counters;
            if let Some(total) = counters.get_mut(name) {
                *total = total.saturating_add(delta);
            } else if counters.len() < COUNTERS {
                counters.insert(name.to_owned(), delta);
            }
        });
    }

    /// The counts now.
    pub fn counted(&self) -> StatsSnapshot {
        let more = self.more();
        let quantile = |q: f64| {
            more.latency
                .as_ref()
                .map_or(0, |latency| latency.value_at_quantile(q))
        };
        let instances: Vec<Arc<Gauge>> = more.instances.iter().filter_map(Weak::upgrade).collect();
        StatsSnapshot {
            calls: self.calls.load(Relaxed),
            items_in: self.items_in.load(Relaxed),
            items_out: self.items_out.load(Relaxed),
            items_dropped: self.items_dropped.load(Relaxed),
            items_held: instances
                .iter()
                .map(|gauge| gauge.held_items.load(Relaxed))
                .sum(),
            items_passed: self.items_passed.load(Relaxed),
            log_lines_dropped: self.log_lines_dropped.load(Relaxed),
            quarantined: self.quarantined.load(Relaxed),
            recycled: self.recycled.load(Relaxed),
            p50_ns: quantile(0.5),
            p99_ns: quantile(0.99),
            faults: more
                .faults
                .iter()
                .map(|(kind, count)| ((*kind).to_owned(), *count))
                .collect(),
            counters: more.counters.clone(),
            instances: instances
                .iter()
                .filter(|gauge| gauge.memory_bytes.load(Relaxed) > 0)
                .count() as u64,
            memory_bytes: instances
                .iter()
                .map(|gauge| gauge.memory_bytes.load(Relaxed))
                .sum(),
            unwritten_bytes: instances
                .iter()
                .map(|gauge| gauge.unwritten_bytes.load(Relaxed))
                .sum(),
            is_quarantined: instances.iter().any(|gauge| gauge.is_quarantined()),
        }
    }
}

impl Gauge {
    /// Takes in how a slot stands.
    pub fn set(&self, slot: &Slot) {
        self.memory_bytes.store(slot.memory_bytes() as u64, Relaxed);
        *self.until() = slot.quarantined_until();
    }

    /// Takes in how many items are held for the instance, and how many bytes have yet to be stored.
    pub fn set_held(&self, items: usize, unwritten: usize) {
        self.held_items.store(items as u64, Relaxed);
        self.unwritten_bytes.store(unwritten as u64, Relaxed);
    }

    fn is_quarantined(&self) -> bool {
        self.until().is_some_and(|until| until > Instant::now())
    }

    fn until(&self) -> MutexGuard<'_, Option<Instant>> {
        let until = &self.quarantined_until;
        until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
