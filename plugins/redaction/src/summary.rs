//! What a redaction leaves behind in the attributes: which keys it touched, and how many, there and in log bodies.

use spanmill_sdk::{Attributes, Batch, Cell, Outcome, Value, WriteField};

/// How much is left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    Silent,
    /// Counts.
    Info,
    /// Counts and keys.
    Debug,
}

/// The kinds of what happened to an attribute, in the order in which they are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    Redacted,
    Masked,
    Allowed,
    Ignored,
}

/// The summary's own attributes, by event: keys and count. Keys that are ignored are only counted.
type Names = [(&'static str, &'static str); 4];

pub(crate) const OF_ATTRIBUTES: Names = [
    ("redaction.redacted.keys", "redaction.redacted.count"),
    ("redaction.masked.keys", "redaction.masked.count"),
    ("redaction.allowed.keys", "redaction.allowed.count"),
    ("", "redaction.ignored.count"),
];

pub(crate) const OF_BODY: Names = [
    (
        "redaction.body.redacted.keys",
        "redaction.body.redacted.count",
    ),
    ("redaction.body.masked.keys", "redaction.body.masked.count"),
    (
        "redaction.body.allowed.keys",
        "redaction.body.allowed.count",
    ),
    ("", "redaction.body.ignored.count"),
];

/// What happened to one attribute list, or one log body.
#[derive(Debug)]
pub(crate) struct Summary {
    own: Names,
    /// The keys by event, as pool indices.
    keys: [Vec<u32>; 4],
    /// Paths inside a body by event.
    paths: [Vec<String>; 4],
    /// Indices of the summary's own keys, made once a batch: keys, then counts.
    names: [Option<u32>; 8],
    text: String,
}

/// The list that a summary is written to.
pub(crate) struct Target<'a, 'b> {
    pub batch: &'a Batch<'b>,
    pub list: Attributes<'b>,
    pub write: WriteField,
    pub row: usize,
    /// Entries of this row that were given a new text, or removed.
    pub changed: &'a [(usize, Option<u32>)],
}

impl Summary {
    pub(crate) fn new(own: Names) -> Self {
        Summary {
            own,
            keys: Default::default(),
            paths: Default::default(),
            names: [None; 8],
            text: String::new(),
        }
    }

    /// Forgets what belongs to an earlier batch.
    pub(crate) fn start(&mut self) {
        self.names = [None; 8];
    }

    pub(crate) fn note(&mut self, event: Event, key: u32) {
        self.keys[event as usize].push(key);
    }

    pub(crate) fn note_path(&mut self, event: Event, path: &str) {
        self.paths[event as usize].push(path.to_owned());
    }

    /// Writes what was noted, and forgets it.
    pub(crate) fn write(&mut self, detail: Detail, target: &Target<'_, '_>, outcome: &mut Outcome) {
        for (event, (keys_name, count_name)) in self.own.into_iter().enumerate() {
            let noted = self.keys[event].len() + self.paths[event].len();
            if noted == 0 {
                continue;
            }
            if detail == Detail::Debug && !keys_name.is_empty() {
                let existing = target.find(keys_name);
                let former = existing.map_or(String::new(), |entry| target.text(entry, outcome));
                let mut names: Vec<&str> = self.keys[event]
                    .iter()
                    .map(|&key| target.batch.texts.get(key))
                    .collect();
                names.extend(self.paths[event].iter().map(String::as_str));
                if !former.is_empty() {
                    names.extend(former.split(','));
                }
                names.sort_unstable();
                self.text.clear();
                for (place, name) in names.iter().enumerate() {
                    if place > 0 {
                        self.text.push(',');
                    }
                    self.text.push_str(name);
                }
                let text = outcome.text(&self.text);
                self.put(event, existing, Cell::Text(text), target, outcome);
            }
            let existing = target.find(count_name);
            let former = existing.map_or(0, |entry| target.number(entry));
            let count = former.saturating_add(noted as i64);
            self.put(4 + event, existing, Cell::Int(count), target, outcome);
            self.keys[event].clear();
            self.paths[event].clear();
        }
    }

    fn put(
        &mut self,
        name: usize,
        existing: Option<usize>,
        cell: Cell,
        target: &Target<'_, '_>,
        outcome: &mut Outcome,
    ) {
        match existing {
            Some(entry) => outcome.set_entry(target.write, entry as u32, cell),
            None => {
                let (keys_name, count_name) = self.own[name % 4];
                let text = if name < 4 { keys_name } else { count_name };
                let key = *self.names[name].get_or_insert_with(|| outcome.text(text));
                outcome.append(target.write, target.row as u32, key, cell);
            }
        }
    }
}

impl Target<'_, '_> {
    fn change(&self, entry: usize) -> Option<Option<u32>> {
        self.changed
            .iter()
            .find(|(changed, _)| *changed == entry)
            .map(|(_, text)| *text)
    }

    /// The entry of a key that is still there.
    fn find(&self, key: &str) -> Option<usize> {
        self.list.entries(self.row).find(|&entry| {
            let index = self.list.keys.get(entry).copied().unwrap_or(u32::MAX);
            self.batch.texts.get(index) == key && self.change(entry) != Some(None)
        })
    }

    fn text(&self, entry: usize, outcome: &Outcome) -> String {
        if let Some(Some(text)) = self.change(entry) {
            let added = outcome.added(text).unwrap_or_default();
            return String::from_utf8_lossy(added).into_owned();
        }
        match self.list.values.get(entry, &self.batch.texts) {
            Value::Text(text) => text.to_owned(),
            _ => String::new(),
        }
    }

    fn number(&self, entry: usize) -> i64 {
        match self.list.values.get(entry, &self.batch.texts) {
            Value::Int(number) if self.change(entry).is_none() => number,
            _ => 0,
        }
    }
}
