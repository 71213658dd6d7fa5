//! Editors of maps.

use std::collections::HashMap;
use std::sync::Arc;

use spanmill_sdk::{Value, nested};

use crate::datum::{Datum, Failure, MapBuilder};
use crate::duplicates::last_of_each;
use crate::editor::{Change, Changed, MapChange, OfValue, Prepared, change};

fn entries<'d>(map: &'d Datum<'_>) -> Result<Vec<(&'d str, Value<'d>)>, Failure> {
    match map {
        Datum::Map(map) => Ok(nested::entries(map).collect()),
        Datum::Nil => Err("a function expected a map but got nil"),
        _ => Err("a function expected a map but got another type"),
    }
}

/// A map with the entries whose keys stay.
fn retained(map: &Datum<'_>, stays: impl Fn(&str) -> bool) -> Changed<'static> {
    let mut built = MapBuilder::default();
    let all = entries(map)?;
    let count = all.len();
    let mut kept = 0;
    for (key, value) in all {
        if stays(key) {
            built.push_value(key, &value);
            kept += 1;
        }
    }
    Ok((kept < count).then(|| built.finish()))
}

/// A map with what each value becomes.
pub(super) fn with_values(
    map: &Datum<'_>,
    becomes: impl Fn(&Datum<'_>) -> Changed<'static>,
) -> Changed<'static> {
    let mut built = MapBuilder::default();
    let mut any = false;
    for (key, value) in entries(map)? {
        match becomes(&Datum::from_value(value))? {
            Some(new) => {
                any = true;
                built.push(key, &new)?;
            }
            None => built.push_value(key, &value),
        }
    }
    Ok(any.then(|| built.finish()))
}

/// A map with what each key becomes; of two that become the same, the last value counts.
pub(super) fn with_keys(
    map: &Datum<'_>,
    becomes: impl Fn(&str) -> Result<Option<String>, Failure>,
) -> Changed<'static> {
    let mut any = false;
    let mut new: Vec<(String, Value<'_>)> = Vec::new();
    for (key, value) in entries(map)? {
        let key = match becomes(key)? {
            Some(new) => {
                any = true;
                new
            }
            None => key.to_owned(),
        };
        new.push((key, value));
    }
    let mut built = MapBuilder::default();
    for (key, value) in &last_of_each(new) {
        built.push_value(key, value);
    }
    Ok(any.then(|| built.finish()))
}

/// A change of maps as a change of values that are maps.
pub(crate) fn of_values(map_change: MapChange) -> Change {
    match map_change {
        MapChange::Retain(stays) => change(move |old, _| retained(old, |key| stays(key))),
        MapChange::Values(becomes, _) => {
            change(move |old, _| with_values(old, |value| becomes(value)))
        }
        MapChange::Texts(becomes) => change(move |old, _| {
            with_values(old, |value| {
                let mut new = Vec::new();
                match value {
                    Datum::Text(text) if becomes(text.as_bytes(), &mut new) => {
                        Ok(Some(Datum::text(String::from_utf8_lossy(&new))))
                    }
                    _ => Ok(None),
                }
            })
        }),
        MapChange::Keys(becomes) => change(move |old, _| with_keys(old, |key| becomes(key))),
        MapChange::Limit(limit, priority) => change(move |old, _| limited(old, limit, &priority)),
        MapChange::Whole(whole) => whole,
    }
}

/// The first so many entries, with those of some keys before others.
fn limited(map: &Datum<'_>, limit: usize, priority: &[String]) -> Changed<'static> {
    let all = entries(map)?;
    if all.len() <= limit {
        return Ok(None);
    }
    let is_first = |key: &str| priority.iter().any(|first| first == key);
    let mut count = all.iter().filter(|(key, _)| is_first(key)).count();
    let mut built = MapBuilder::default();
    for (key, value) in all {
        if !is_first(key) {
            if count >= limit {
                continue;
            }
            count += 1;
        }
        built.push_value(key, &value);
    }
    Ok(Some(built.finish()))
}

/// What takes a key out of a map.
pub(crate) fn delete_key() -> Change {
    change(|old, input| {
        let key = input.text(1)?;
        retained(old, |known| known != key)
    })
}

/// How a map is put into another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// What is not there yet.
    Insert,
    /// What is there.
    Update,
    Upsert,
    /// What was there before goes.
    Replace,
}

/// The strategy of a call of `merge_maps`.
pub(crate) fn strategy(prepared: &Prepared<'_>) -> Result<Strategy, String> {
    match prepared.constants.text("strategy") {
        Some("insert") => Ok(Strategy::Insert),
        Some("update") => Ok(Strategy::Update),
        Some("upsert") => Ok(Strategy::Upsert),
        _ => Err("strategy is one of insert, update, upsert".to_owned()),
    }
}

/// As many keys are sooner compared than hashed.
const FEW_COMPARISONS: usize = 1024;

/// What puts a map into another.
pub(crate) fn merge(strategy: Strategy) -> Change {
    change(move |old, input| {
        let mut merged = entries(old)?;
        let source = entries(input.value(1))?;
        let is_large = merged.len().saturating_mul(source.len()) > FEW_COMPARISONS;
        // Of a key that stands twice in the old map, the first place counts.
        let mut places: Option<HashMap<&str, usize>> = is_large.then(|| {
            let all = merged.iter().map(|(key, _)| *key).enumerate();
            all.map(|(place, key)| (key, place)).rev().collect()
        });
        for (key, value) in source {
            let place = match &places {
                Some(places) => places.get(key).copied(),
                None => merged.iter().position(|(known, _)| *known == key),
            };
            match place {
                Some(place) if strategy != Strategy::Insert => merged[place].1 = value,
                None if strategy != Strategy::Update => {
                    if let Some(places) = &mut places {
                        places.insert(key, merged.len());
                    }
                    merged.push((key, value));
                }
                _ => {}
            }
        }
        let mut built = MapBuilder::default();
        for (key, value) in &merged {
            built.push_value(key, value);
        }
        Ok(Some(built.finish()))
    })
}

pub(super) fn keep_keys(prepared: &Prepared<'_>) -> Result<MapChange, String> {
    Ok(match prepared.constants.texts("keys") {
        Some(keys) => {
            let keys: Vec<String> = keys.into_iter().map(str::to_owned).collect();
            MapChange::Retain(Arc::new(move |key| keys.iter().any(|kept| kept == key)))
        }
        None => MapChange::Whole(change(|old, input| {
            let is_kept = |key: &str| {
                let mut kept = input.list.iter();
                kept.any(|kept| matches!(kept, Datum::Text(kept) if kept == key))
            };
            retained(old, is_kept)
        })),
    })
}

/// A change that keeps or takes away the keys that a pattern matches.
fn matching(prepared: &Prepared<'_>, stays: bool) -> Result<MapChange, String> {
    let Some(pattern) = prepared.constants.text("pattern") else {
        return Ok(MapChange::Whole(change(move |old, input| {
            let regex = spanmill_pattern::compile(input.text(1)?)
                .map_err(|_| "a function got a pattern that is no regular expression")?;
            retained(old, |key| regex.is_match(key) == stays)
        })));
    };
    let regex = spanmill_pattern::compile(pattern).map_err(|error| error.to_string())?;
    Ok(MapChange::Retain(Arc::new(move |key| {
        regex.is_match(key) == stays
    })))
}

pub(super) fn delete_matching_keys(prepared: &Prepared<'_>) -> Result<MapChange, String> {
    matching(prepared, false)
}

pub(super) fn keep_matching_keys(prepared: &Prepared<'_>) -> Result<MapChange, String> {
    matching(prepared, true)
}

pub(super) fn limit(prepared: &Prepared<'_>) -> Result<MapChange, String> {
    let limit = prepared.constants.int("limit").unwrap_or(0);
    let limit = usize::try_from(limit).map_err(|_| "the limit must not be negative")?;
    let priority = prepared
        .constants
        .texts("priority_keys")
        .unwrap_or_default();
    if limit < priority.len() {
        return Err("the limit must be at least the number of priority keys".to_owned());
    }
    let priority = priority.into_iter().map(str::to_owned).collect();
    Ok(MapChange::Limit(limit, priority))
}

pub(super) fn stringify_all(_: &Prepared<'_>) -> Result<MapChange, String> {
    let text: OfValue = Arc::new(|value| match value {
        Datum::Text(_) => Ok(None),
        value => Ok(Some(Datum::text(value.to_value()?.to_text()))),
    });
    Ok(MapChange::Values(text, false))
}

pub(super) fn truncate_all(prepared: &Prepared<'_>) -> Result<MapChange, String> {
    let limit = prepared.constants.int("limit").unwrap_or(0);
    let limit = usize::try_from(limit).map_err(|_| "the limit must not be negative")?;
    let marker = prepared
        .constants
        .text("truncation_marker")
        .unwrap_or("")
        .to_owned();
    if marker.len() > limit {
        return Err("the marker is not longer than the limit".to_owned());
    }
    let is_safe = prepared.constants.flag("utf8_safe").unwrap_or(true);
    Ok(MapChange::Texts(Arc::new(move |text, out| {
        if text.len() <= limit {
            return false;
        }
        let mut end = limit - marker.len();
        // No byte of a character but its first is one that begins with the bits 10.
        while is_safe && end > 0 && text.get(end).is_some_and(|byte| byte >> 6 == 0b10) {
            end -= 1;
        }
        let kept = String::from_utf8_lossy(text.get(..end).unwrap_or(&[]));
        out.clear();
        out.extend_from_slice(kept.as_bytes());
        out.extend_from_slice(marker.as_bytes());
        true
    })))
}

/// A map that grows flat.
struct Flat<'d> {
    entries: Vec<(String, Value<'d>)>,
    places: HashMap<String, usize>,
    conflicts: HashMap<String, usize>,
    resolves: bool,
    depth: i64,
}

impl<'d> Flat<'d> {
    fn put(&mut self, key: String, value: Value<'d>) {
        let places = &mut self.places;
        match places.get(&key).and_then(|&at| self.entries.get_mut(at)) {
            Some((_, known)) => *known = value,
            None => {
                places.insert(key.clone(), self.entries.len());
                self.entries.push((key, value));
            }
        }
    }

    /// Puts a value under its key, or with `place`, under that place in the list of the key.
    fn leaf(&mut self, key: String, place: Option<usize>, value: Value<'d>) {
        if !self.resolves {
            let key = match place {
                Some(place) => format!("{key}.{place}"),
                None => key,
            };
            return self.put(key, value);
        }
        // Keys that are taken get a number.
        if self.places.contains_key(&key) {
            let number = self.conflicts.entry(key.clone()).or_default();
            let free = format!("{key}.{number}");
            *number += 1;
            return self.put(free, value);
        }
        self.put(key, value);
    }

    fn map(&mut self, map: &'d [u8], prefix: &str, depth: i64) {
        for (key, value) in nested::entries(map) {
            let key = match prefix {
                "" => key.to_owned(),
                prefix => format!("{prefix}.{key}"),
            };
            self.value(key, value, depth);
        }
    }

    fn value(&mut self, key: String, value: Value<'d>, depth: i64) {
        match value {
            Value::Map(map) if depth < self.depth => self.map(map, &key, depth + 1),
            Value::Array(list) if depth < self.depth => {
                for (at, item) in nested::items(list).enumerate() {
                    match item {
                        Value::Map(map) if depth + 1 < self.depth => {
                            self.map(map, &format!("{key}.{at}"), depth + 2);
                        }
                        Value::Array(list) if depth + 1 < self.depth => {
                            // The Collector joins the places of lists in lists to the key without a dot.
                            for (inner, item) in nested::items(list).enumerate() {
                                self.value(format!("{key}.{at}{inner}"), item, depth + 3);
                            }
                        }
                        item => self.leaf(key.clone(), Some(at), item),
                    }
                }
            }
            value => self.leaf(key, None, value),
        }
    }
}

pub(super) fn flatten(prepared: &Prepared<'_>) -> Result<MapChange, String> {
    let prefix = prepared.constants.text("prefix").unwrap_or("").to_owned();
    let depth = prepared.constants.int("depth").unwrap_or(i64::MAX - 8);
    if depth < 1 {
        return Err("the depth must be at least 1".to_owned());
    }
    let resolves = prepared
        .constants
        .flag("resolve_conflicts")
        .unwrap_or(false);
    Ok(MapChange::Whole(change(move |old, _| {
        let Datum::Map(map) = old else {
            return Err("a function expected a map but got another type");
        };
        let mut flat = Flat {
            entries: Vec::new(),
            places: HashMap::new(),
            conflicts: HashMap::new(),
            resolves,
            depth,
        };
        flat.map(map, &prefix, 0);
        let mut built = MapBuilder::default();
        for (key, value) in &flat.entries {
            built.push_value(key, value);
        }
        Ok(Some(built.finish()))
    })))
}
