//! The last value of every series, by metric family.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use super::kind::Kind;
use super::series::{Series, Source};

/// Limits on the series and on their estimated memory; series beyond them are rejected.
pub(super) const LIMITS: Limits = Limits {
    series: 1_000_000,
    bytes: 256 << 20,
};
/// Limit on the length of a series' labels.
const MAX_LABELS: usize = 32 << 10;
/// Limit on the names that a warning was logged for; further ones are not logged.
const MAX_TOLD: usize = 100;
/// Longer help texts are cut.
const MAX_HELP: usize = 1024;
/// Estimated memory of map nodes and strings, in bytes.
const OVERHEAD: usize = 100;

/// Limits of a registry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) series: usize,
    pub(super) bytes: usize,
}

pub(super) struct Family {
    pub(super) kind: Kind,
    pub(super) help: String,
    /// Keyed by the labels as text.
    pub(super) series: BTreeMap<Box<str>, Series>,
}

/// A point to be taken in.
pub(super) struct Point<'a> {
    pub(super) family: &'a str,
    pub(super) kind: Kind,
    pub(super) help: &'a str,
    pub(super) labels: String,
    pub(super) source: Source,
    /// Whether it is a delta.
    pub(super) is_delta: bool,
}

pub(super) struct Registry {
    pub(super) families: BTreeMap<String, Family>,
    /// The family that owns each name. A family has several names; a name has one family.
    names: HashMap<String, String>,
    target_family: String,
    targets: HashMap<String, Target>,
    open_metrics: bool,
    expiration: Duration,
    limits: Limits,
    series: usize,
    bytes: usize,
    told: HashSet<String>,
    is_full: bool,
}

/// `target_info` of the resources that share job and instance: the latest is shown.
struct Target {
    labels: Box<str>,
    /// Those seen before, oldest first.
    seen: Vec<u64>,
}

impl Registry {
    pub(super) fn new(expiration: Duration, open_metrics: bool, limits: Limits) -> Self {
        Registry {
            families: BTreeMap::new(),
            names: HashMap::new(),
            target_family: String::new(),
            targets: HashMap::new(),
            open_metrics,
            expiration,
            limits,
            series: 0,
            bytes: 0,
            told: HashSet::new(),
            is_full: false,
        }
    }

    /// Drops series that have expired.
    pub(super) fn expire(&mut self, now: Instant) {
        let expiration = self.expiration;
        let before = self.families.len();
        let (mut series, mut bytes) = (0usize, 0usize);
        self.families.retain(|_, family| {
            let kind = family.kind;
            family
                .series
                .retain(|_, series| series.expire(kind, now, expiration));
            series = series.saturating_add(family.series.len());
            for (labels, one) in &family.series {
                bytes = bytes.saturating_add(weight(labels, one));
            }
            !family.series.is_empty()
        });
        let families = &self.families;
        if families.len() < before {
            self.names.retain(|_, owner| families.contains_key(owner));
        }
        if series < self.series {
            self.is_full = false;
        }
        (self.series, self.bytes) = (series, bytes);
        let targets = families.get(&self.target_family);
        self.targets.retain(|_, target| {
            targets.is_some_and(|family| family.series.contains_key(&target.labels))
        });
    }

    /// Takes a point in. Returns whether it was accepted.
    pub(super) fn put(&mut self, point: Point<'_>) -> bool {
        if point.labels.len() > MAX_LABELS {
            self.tell(point.family, "a series has too long labels; it is left out");
            return false;
        }
        if !self.claim(point.family, point.kind, point.help) {
            self.tell(
                point.family,
                "metrics of different kinds get the same name; the first is shown, the others are left out. Rename one of them",
            );
            return false;
        }
        let (limits, is_full) = (self.limits, self.series >= self.limits.series);
        let Some(family) = self.families.get_mut(point.family) else {
            return false;
        };
        match family.series.entry(point.labels.into_boxed_str()) {
            Entry::Occupied(mut series) => {
                let series = series.get_mut();
                let before = series.weight();
                // Growth of a series is bounded as new series are.
                let more = point.source.reading.weight();
                let has_room = more <= before || self.bytes.saturating_add(more) <= limits.bytes;
                if !has_room {
                    self.tell_full();
                    return false;
                }
                let taken = series.take(point.source, point.kind, point.is_delta);
                self.bytes = self
                    .bytes
                    .saturating_sub(before)
                    .saturating_add(series.weight());
                if !taken {
                    self.tell(
                        point.family,
                        "several histograms with different buckets get the same name and labels; the first is shown",
                    );
                }
                taken
            }
            Entry::Vacant(place) => {
                let series = Series::new(point.source);
                let bytes = self.bytes.saturating_add(weight(place.key(), &series));
                if is_full || bytes > limits.bytes {
                    self.tell_full();
                    return false;
                }
                place.insert(series);
                self.bytes = bytes;
                self.series = self.series.saturating_add(1);
                true
            }
        }
    }

    /// Removes a source from a series: its staleness marker has arrived.
    pub(super) fn end(&mut self, family: &str, labels: &str, id: u64) {
        let Some(found) = self.families.get_mut(family) else {
            return;
        };
        let kind = found.kind;
        let Some(series) = found.series.get_mut(labels) else {
            return;
        };
        let before = series.weight();
        if series.end(kind, id) {
            let after = series.weight();
            self.bytes = self.bytes.saturating_sub(before).saturating_add(after);
            return;
        }
        found.series.remove(labels);
        let is_empty = found.series.is_empty();
        self.series = self.series.saturating_sub(1);
        let freed = weight_of(labels, before);
        self.bytes = self.bytes.saturating_sub(freed);
        self.is_full = false;
        if is_empty {
            self.families.remove(family);
            self.names.retain(|_, owner| owner != family);
        }
    }

    /// Shows a resource; of those with the same job and instance, the latest.
    pub(super) fn target(&mut self, base: &str, point: Point<'_>) {
        let (family, id) = (point.family, point.source.id);
        if self.target_family.is_empty() {
            self.target_family = family.to_owned();
        }
        let has_room = self.targets.len() < self.limits.series;
        match self.targets.get_mut(base) {
            Some(target) if *target.labels == *point.labels => {}
            // A later one has replaced it. Its other series may still be alive.
            Some(target) if target.seen.contains(&id) => return,
            Some(target) => {
                if let Some(family) = self.families.get_mut(family)
                    && let Some(series) = family.series.remove(&target.labels)
                {
                    self.series = self.series.saturating_sub(1);
                    self.bytes = self.bytes.saturating_sub(weight(&target.labels, &series));
                }
                target.labels = point.labels.as_str().into();
                if target.seen.len() >= MAX_TOLD {
                    target.seen.remove(0);
                }
                target.seen.push(id);
            }
            None if !has_room => return,
            None => {
                let labels = point.labels.as_str().into();
                let seen = vec![id];
                self.targets
                    .insert(base.to_owned(), Target { labels, seen });
            }
        }
        self.put(point);
    }

    /// Adds a family unless one of another kind has one of its names.
    fn claim(&mut self, name: &str, kind: Kind, help: &str) -> bool {
        if let Some(family) = self.families.get(name) {
            return family.kind == kind;
        }
        let names = kind.names(name, self.open_metrics);
        if names.iter().any(|name| self.names.contains_key(name)) {
            return false;
        }
        self.names
            .extend(names.into_iter().map(|one| (one, name.to_owned())));
        let family = Family {
            kind,
            help: help.chars().take(MAX_HELP).collect(),
            series: BTreeMap::new(),
        };
        self.families.insert(name.to_owned(), family);
        true
    }

    /// Logs once what is wrong with a metric.
    pub(super) fn tell(&mut self, metric: &str, what: &str) {
        if self.told.len() < MAX_TOLD && self.told.insert(metric.to_owned()) {
            tracing::warn!(metric, "{what}");
        }
    }

    fn tell_full(&mut self) {
        if !std::mem::replace(&mut self.is_full, true) {
            let series = self.series;
            tracing::warn!(
                series,
                "there is no room for more series in the prometheus exporter; further ones are left out until others expire. Have metrics with fewer attributes, or a shorter metric_expiration"
            );
        }
    }
}

fn weight(labels: &str, series: &Series) -> usize {
    weight_of(labels, series.weight())
}

fn weight_of(labels: &str, series: usize) -> usize {
    labels.len().saturating_add(series).saturating_add(OVERHEAD)
}
