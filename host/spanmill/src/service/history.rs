//! Current and past plugin versions and recent events, as `spanmill plugin status` shows them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use spanmill_admin::{
    Event, EventKind, Latency, PluginState, PluginStatus, Probation, VersionStatus,
};

use crate::config::{ComponentId, PipelineId};
use crate::pipeline::{Trial, Verdict, Version};

#[cfg(test)]
mod tests;

/// Versions that are remembered of a component.
const VERSIONS: usize = 20;
/// Events that are remembered.
const EVENTS: usize = 200;

/// What a service remembers.
#[derive(Default)]
pub(super) struct History {
    records: Mutex<BTreeMap<ComponentId, Record>>,
    /// The components that run another version than the manifest and its files say.
    swapped: Mutex<BTreeSet<ComponentId>>,
    events: Mutex<VecDeque<Event>>,
}

struct Record {
    version: Arc<Version>,
    pipelines: Vec<PipelineId>,
    since: SystemTime,
    past: VecDeque<EndedVersion>,
    swaps: u64,
    rollbacks: u64,
    trial: Option<Arc<Trial>>,
    /// What the version may do beyond the one before, since the operator allowed it.
    allowed_more: Vec<String>,
}

/// A version that has ended, with its last status.
struct EndedVersion {
    version: std::sync::Weak<Version>,
    status: VersionStatus,
    since: SystemTime,
    allowed_more: Vec<String>,
}

/// The versions that run, and the pipelines that each stands in.
type Versions = BTreeMap<ComponentId, (Arc<Version>, Vec<PipelineId>)>;

fn time(at: SystemTime) -> String {
    humantime::format_rfc3339_millis(at).to_string()
}

/// Now, as reports write it.
pub(super) fn now() -> String {
    time(SystemTime::now())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is counted is the best there is, whatever happened to who counted.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl History {
    /// Notes what runs now, and why what ran before does not.
    pub(super) fn now_running(&self, versions: Versions, trial: Option<&Arc<Trial>>, why: &str) {
        let mut records = lock(&self.records);
        let mut before = std::mem::take(&mut *records);
        for (id, (version, pipelines)) in versions {
            let record = match before.remove(&id) {
                Some(mut record) => {
                    record.pipelines = pipelines;
                    if !Arc::ptr_eq(&record.version, &version) {
                        record.replace(version, why);
                        record.swaps += 1;
                        record.trial = trial.cloned();
                    }
                    record
                }
                None => Record {
                    version,
                    pipelines,
                    since: SystemTime::now(),
                    past: VecDeque::new(),
                    swaps: 0,
                    rollbacks: 0,
                    trial: trial.cloned(),
                    allowed_more: Vec::new(),
                },
            };
            records.insert(id, record);
        }
    }

    /// Records that the previous versions are back. Returns the components.
    pub(super) fn rolled_back(&self, versions: Versions, why: &str) -> Vec<String> {
        let mut records = lock(&self.records);
        records.retain(|id, _| versions.contains_key(id));
        let mut ids = Vec::new();
        for (id, (version, pipelines)) in versions {
            let Some(record) = records.get_mut(&id) else {
                continue;
            };
            record.pipelines = pipelines;
            record.trial = None;
            if Arc::ptr_eq(&record.version, &version) {
                continue;
            }
            let resumed = record
                .past
                .iter()
                .position(|past| past.version.as_ptr() == Arc::as_ptr(&version))
                .and_then(|at| record.past.remove(at));
            record.replace(version, why);
            if let Some(resumed) = resumed {
                record.since = resumed.since;
                record.allowed_more = resumed.allowed_more;
            }
            record.rollbacks += 1;
            ids.push(id.to_string());
        }
        ids
    }

    /// Notes which components run another version than the manifest and its files say.
    pub(super) fn now_swapped<'i>(&self, ids: impl Iterator<Item = &'i ComponentId>) {
        *lock(&self.swapped) = ids.cloned().collect();
    }

    /// Whether a component runs another version than the manifest and its files say.
    pub(super) fn is_swapped(&self, id: &ComponentId) -> bool {
        lock(&self.swapped).contains(id)
    }

    /// Notes what a version may do beyond the one before it.
    pub(super) fn allowed_more(&self, id: &ComponentId, more: Vec<String>) {
        if let Some(record) = lock(&self.records).get_mut(id) {
            record.allowed_more = more;
        }
    }

    /// Records an event, then logs it: in this order, so that anyone who reads the log finds it recorded.
    pub(super) fn event(&self, kind: EventKind, components: Vec<String>, message: String) {
        let event = Event {
            time: now(),
            kind,
            components,
            message: message.clone(),
        };
        {
            let mut events = lock(&self.events);
            if events.len() == EVENTS {
                events.pop_front();
            }
            events.push_back(event);
        }
        match kind {
            EventKind::Rollback | EventKind::Refused => tracing::warn!("{message}"),
            _ => tracing::info!("{message}"),
        }
    }

    pub(super) fn events(&self) -> Vec<Event> {
        lock(&self.events).iter().cloned().collect()
    }

    /// The components that run, and their versions.
    pub(super) fn versions(&self) -> BTreeMap<ComponentId, Arc<Version>> {
        let records = lock(&self.records);
        let versions = records.iter();
        versions
            .map(|(id, record)| (id.clone(), Arc::clone(&record.version)))
            .collect()
    }

    pub(super) fn plugins(&self) -> Vec<PluginStatus> {
        let swapped = lock(&self.swapped).clone();
        let records = lock(&self.records);
        let status = |(id, record): (&ComponentId, &Record)| record.status(swapped.contains(id));
        records.iter().map(status).collect()
    }
}

impl Record {
    fn replace(&mut self, version: Arc<Version>, why: &str) {
        let now = SystemTime::now();
        let old = std::mem::replace(&mut self.version, version);
        let since = std::mem::replace(&mut self.since, now);
        let allowed_more = std::mem::take(&mut self.allowed_more);
        let mut status = version_status(&old, since, &allowed_more);
        status.until = Some(time(now));
        status.ended = Some(why.to_owned());
        self.past.push_front(EndedVersion {
            version: Arc::downgrade(&old),
            status,
            since,
            allowed_more,
        });
        self.past.truncate(VERSIONS);
    }

    fn status(&self, differs_from_manifest: bool) -> PluginStatus {
        let counted = self.version.stats.counted();
        let trial = self
            .trial
            .as_ref()
            .filter(|trial| trial.verdict().is_none());
        let state = match (counted.is_quarantined, trial) {
            (true, _) => PluginState::Quarantined,
            (false, Some(_)) => PluginState::Probation,
            (false, None) => PluginState::Running,
        };
        PluginStatus {
            component: self.version.id.to_string(),
            role: self.version.role.name().to_owned(),
            pipelines: self.pipelines.iter().map(|id| id.to_string()).collect(),
            state,
            probation: trial.map(|trial| Probation {
                batches_left: u64::from(trial.batches_left()),
                pipelines: trial
                    .batches_left_by_pipeline()
                    .into_iter()
                    .map(|(pipeline, left)| (pipeline.to_string(), u64::from(left)))
                    .collect(),
            }),
            instances: counted.instances,
            memory_bytes: counted.memory_bytes,
            unwritten_bytes: counted.unwritten_bytes,
            swaps: self.swaps,
            rollbacks: self.rollbacks,
            differs_from_manifest,
            version: version_status(&self.version, self.since, &self.allowed_more),
            history: self.past.iter().map(|past| past.status.clone()).collect(),
        }
    }
}

fn version_status(version: &Version, since: SystemTime, allowed_more: &[String]) -> VersionStatus {
    let counted = version.stats.counted();
    VersionStatus {
        hash: version.plugin.hash().to_owned(),
        source: version.plugin.name().to_owned(),
        since: time(since),
        until: None,
        ended: None,
        calls: counted.calls,
        items_in: counted.items_in,
        items_out: counted.items_out,
        items_dropped: counted.items_dropped,
        items_held: counted.items_held,
        items_passed: counted.items_passed,
        latency: Latency {
            p50_us: counted.p50_ns / 1000,
            p99_us: counted.p99_ns / 1000,
        },
        faults: counted.faults,
        quarantined: counted.quarantined,
        recycled: counted.recycled,
        counters: counted.counters,
        log_lines_dropped: counted.log_lines_dropped,
        allowed_more: allowed_more.to_vec(),
    }
}

/// How a trial ended, in words.
pub(super) fn ending(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Passed => "passed its probation".to_owned(),
        Verdict::Superseded => "ended by another change".to_owned(),
        Verdict::Failed(id, fault) => format!("plugin {id}: {fault}"),
    }
}
