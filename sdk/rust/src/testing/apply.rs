//! Checks an outcome against the contract's rules, as a host does, and applies it.

use std::collections::HashSet;

use super::columns::{CONTEXTS, wire_context};
use super::flat::Flat;
use super::spans::{Attr, AttrList};
use crate::contract::{attribute_key, context_of};
use crate::guest::telemetry;
use crate::{Context, Value};

/// What a plugin declared and what it got.
pub(super) struct Given<'a> {
    pub reads: &'a [String],
    pub writes: &'a [String],
    /// The batch's pool; none for texts that the plugin may not read.
    pub texts: &'a [Option<Vec<u8>>],
}

/// Applies an outcome; panics with the rule that it breaks.
pub(super) fn apply(flat: &mut Flat, given: &Given<'_>, outcome: &telemetry::Outcome) -> Verdicts {
    let edits = Edits {
        given,
        texts: pool(given.texts, &outcome.texts),
    };
    let entries: Vec<Vec<(usize, usize)>> = given
        .writes
        .iter()
        .map(|path| edits.entries(flat, path))
        .collect();
    // In the order of the contract, in which what comes later overrides.
    let replaced: Vec<_> = outcome
        .replacements
        .iter()
        .flat_map(|replacement| edits.replacements(flat, replacement))
        .collect();
    for place in replaced {
        place(flat);
    }
    for write in &outcome.entry_writes {
        let (context, places) = edits.list(&entries, write.field);
        increasing(&write.entries, places.len(), "entry writes");
        assert_eq!(
            write.entries.len(),
            write.values.kinds.len(),
            "one value an entry"
        );
        for (place, &entry) in write.entries.iter().enumerate() {
            let (row, entry) = places[entry as usize];
            let value = edits
                .value(&write.values, place)
                .expect("an entry is never written absent");
            flat.attributes(context, row)[entry].1 = value;
        }
    }
    let mut removed: Vec<(Context, usize, usize)> = Vec::new();
    for removal in &outcome.removals {
        let (context, places) = edits.list(&entries, removal.field);
        increasing(&removal.entries, places.len(), "removals");
        removed.extend(removal.entries.iter().map(|&entry| {
            let (row, entry) = places[entry as usize];
            (context, row, entry)
        }));
    }
    removed.sort_unstable();
    for (context, row, entry) in removed.into_iter().rev() {
        flat.attributes(context, row).remove(entry);
    }
    outcome
        .writes
        .iter()
        .for_each(|write| edits.write(flat, write));
    outcome
        .appends
        .iter()
        .for_each(|append| edits.append(flat, append));
    verdicts(flat, &outcome.verdicts)
}

/// The rows dropped, by context.
#[derive(Default)]
pub(super) struct Verdicts {
    pub spans: Vec<u8>,
    pub events: Vec<u8>,
}

fn verdicts(flat: &Flat, verdicts: &[telemetry::Verdicts]) -> Verdicts {
    let mut checked = Verdicts::default();
    for verdict in verdicts {
        let (context, target) = match verdict.context {
            telemetry::Context::Span => (Context::Span, &mut checked.spans),
            telemetry::Context::SpanEvent => (Context::SpanEvent, &mut checked.events),
            other => panic!("verdicts are for spans and span events, not {other:?}"),
        };
        let rows = flat.rows(context);
        assert!(
            verdict.rows.is_empty() || verdict.rows.len() == rows,
            "{} verdicts for {rows} rows",
            verdict.rows.len()
        );
        assert!(
            verdict.rows.iter().all(|&row| row < 2),
            "a verdict is 0 or 1"
        );
        target.clone_from(&verdict.rows);
    }
    checked
}

fn pool(batch: &[Option<Vec<u8>>], added: &telemetry::TextPool) -> Vec<Option<Vec<u8>>> {
    let mut texts = batch.to_vec();
    let mut start = 0;
    for &end in &added.ends {
        let text = added.bytes.get(start..end as usize);
        let text = text.expect("the ends of new texts never decrease, and stay inside the pool");
        texts.push(Some(text.to_vec()));
        start = end as usize;
    }
    assert_eq!(
        start,
        added.bytes.len(),
        "every byte of the pool belongs to a text"
    );
    texts
}

fn increasing(indices: &[u32], limit: usize, what: &str) {
    assert!(
        indices.is_sorted_by(|a, b| a < b),
        "{what} are not strictly increasing"
    );
    assert!(
        indices.last().is_none_or(|&last| (last as usize) < limit),
        "{what} name a row or entry that is not there"
    );
}

type Place = Box<dyn FnOnce(&mut Flat)>;

struct Edits<'a> {
    given: &'a Given<'a>,
    texts: Vec<Option<Vec<u8>>>,
}

impl Edits<'_> {
    fn path(&self, field: u32) -> &str {
        self.given
            .writes
            .get(field as usize)
            .expect("only declared writes are written")
    }

    fn context(&self, field: u32) -> Context {
        context_of(self.path(field)).expect("a path names its context")
    }

    fn bytes(&self, index: u64) -> &[u8] {
        self.texts
            .get(index as usize)
            .expect("a text index is inside the pool")
            .as_ref()
            .expect("a plugin refers to no text that it may not read")
    }

    fn text(&self, index: u32) -> &str {
        let bytes = self.bytes(index.into());
        std::str::from_utf8(bytes).expect("a text is UTF-8")
    }

    /// A cell's value; `None` for absent.
    fn value(&self, values: &telemetry::Cells, place: usize) -> Option<Attr> {
        let bytes = |bits: u64| self.bytes(bits);
        let bits = values.bits[place];
        Attr::from_value(match values.kinds[place] {
            0 => Value::Absent,
            1 => Value::Text(self.text(bits as u32)),
            2 => Value::Bool(bits != 0),
            3 => Value::Int(bits as i64),
            4 => Value::Double(f64::from_bits(bits)),
            5 => Value::Bytes(bytes(bits)),
            6 => Value::Array(bytes(bits)),
            7 => Value::Map(bytes(bits)),
            8 => Value::Empty,
            kind => panic!("{kind} is no kind of cell"),
        })
    }

    /// Every entry of a whole list's field, as row and place in the row; empty for other fields.
    fn entries(&self, flat: &mut Flat, path: &str) -> Vec<(usize, usize)> {
        let Some(context) = whole_list(path) else {
            return Vec::new();
        };
        (0..flat.rows(context))
            .flat_map(|row| (0..flat.attributes(context, row).len()).map(move |entry| (row, entry)))
            .collect()
    }

    fn list<'b>(
        &self,
        entries: &'b [Vec<(usize, usize)>],
        field: u32,
    ) -> (Context, &'b [(usize, usize)]) {
        let path = self.path(field);
        let context = whole_list(path).expect("entries are those of a whole attribute list");
        assert!(
            self.given.reads.iter().any(|read| read == path),
            "{path} must be read for its entries to be named"
        );
        (context, &entries[field as usize])
    }

    fn write(&self, flat: &mut Flat, write: &telemetry::Write) {
        let path = self.path(write.field).to_owned();
        let context = self.context(write.field);
        assert!(
            whole_list(&path).is_none(),
            "{path} takes no writes: write by key"
        );
        let rows = flat.rows(context);
        increasing(&write.rows, rows, "writes");
        let rows: Vec<usize> = if write.rows.is_empty() {
            (0..rows).collect()
        } else {
            write.rows.iter().map(|&row| row as usize).collect()
        };
        let count = write.values.kinds.len();
        assert!(
            count == rows.len() || count == 1,
            "{count} values for {} rows",
            rows.len()
        );
        for (place, row) in rows.into_iter().enumerate() {
            let value = self.value(&write.values, if count == 1 { 0 } else { place });
            match attribute_key(&path) {
                Some(key) => set_attribute(flat.attributes(context, row), &key, value),
                None => set_scalar(flat, context, &path, row, value),
            }
        }
    }

    fn replacements(&self, flat: &mut Flat, replacement: &telemetry::Replacement) -> Vec<Place> {
        let path = self.path(replacement.field).to_owned();
        let context = self.context(replacement.field);
        assert!(
            self.given.reads.contains(&path),
            "{path} must be read for its texts to be replaced"
        );
        assert_eq!(
            replacement.old.len(),
            replacement.new.len(),
            "each old text has one new text"
        );
        let distinct: HashSet<u32> = replacement.old.iter().copied().collect();
        assert_eq!(
            distinct.len(),
            replacement.old.len(),
            "a text is replaced twice"
        );
        let replaced: Vec<(String, String)> = replacement
            .old
            .iter()
            .zip(&replacement.new)
            .map(|(&old, &new)| {
                assert!(
                    (old as usize) < self.given.texts.len(),
                    "only the batch's texts are replaced"
                );
                (self.text(old).to_owned(), self.text(new).to_owned())
            })
            .collect();
        let find = |text: &str| {
            replaced
                .iter()
                .find(|(old, _)| old == text)
                .map(|(_, new)| new.clone())
        };
        let mut places: Vec<Place> = Vec::new();
        for row in 0..flat.rows(context) {
            if !path.contains(".attributes") {
                let current = scalar_text(flat, context, &path, row).clone();
                if let Some(new) = find(&current) {
                    let path = path.clone();
                    places.push(Box::new(move |flat| {
                        *scalar_text(flat, context, &path, row) = new
                    }));
                }
                continue;
            }
            let key = attribute_key(&path);
            for (entry, (name, value)) in flat.attributes(context, row).iter().enumerate() {
                let Attr::Text(text) = value else { continue };
                if key.as_ref().is_none_or(|key| key == name)
                    && let Some(new) = find(text)
                {
                    places.push(Box::new(move |flat| {
                        flat.attributes(context, row)[entry].1 = Attr::Text(new);
                    }));
                }
            }
        }
        places
    }

    fn append(&self, flat: &mut Flat, append: &telemetry::Append) {
        let path = self.path(append.field);
        let context = whole_list(path).expect("entries are appended to a whole attribute list");
        assert!(
            append.rows.is_sorted(),
            "appends are not in the order of their rows"
        );
        assert_eq!(append.rows.len(), append.keys.len(), "one key an append");
        assert_eq!(
            append.rows.len(),
            append.values.kinds.len(),
            "one value an append"
        );
        for (place, (&row, &key)) in append.rows.iter().zip(&append.keys).enumerate() {
            let key = self.text(key).to_owned();
            let value = self
                .value(&append.values, place)
                .expect("an appended value is never absent");
            let attributes = flat.attributes(context, row as usize);
            assert!(
                attributes.iter().all(|(known, _)| *known != key),
                "{key} is appended, but there already"
            );
            attributes.push((key, value));
        }
    }
}

fn whole_list(path: &str) -> Option<Context> {
    let context = CONTEXTS
        .into_iter()
        .find(|context| path.strip_prefix(context.prefix()) == Some(".attributes"))?;
    debug_assert_eq!(wire_context(context) as u8, context as u8);
    Some(context)
}

fn set_attribute(attributes: &mut AttrList, key: &str, value: Option<Attr>) {
    // Of a key that stands twice, the first entry takes the value, and none else stays.
    let mut value = value;
    attributes.retain_mut(|(known, current)| {
        if known != key {
            return true;
        }
        match value.take() {
            Some(value) => {
                *current = value;
                true
            }
            None => false,
        }
    });
    if let Some(value) = value {
        attributes.push((key.to_owned(), value));
    }
}

fn scalar_text<'a>(flat: &'a mut Flat, context: Context, path: &str, row: usize) -> &'a mut String {
    match (context, path) {
        (Context::Scope, "scope.name") => &mut flat.scopes[row].1.name,
        (Context::Scope, "scope.version") => &mut flat.scopes[row].1.version,
        (Context::Span, "span.name") => &mut flat.spans[row].1.name,
        (Context::Span, "span.trace_state") => &mut flat.spans[row].1.trace_state,
        (Context::Span, "span.status.message") => &mut flat.spans[row].1.status_message,
        (Context::SpanEvent, "spanevent.name") => &mut flat.events[row].1.name,
        _ => panic!("{path} is no text that may be written"),
    }
}

fn set_scalar(flat: &mut Flat, context: Context, path: &str, row: usize, value: Option<Attr>) {
    if let Some(Attr::Int(number)) = value {
        match (context, path) {
            (Context::Span, "span.kind") => flat.spans[row].1.kind = number as u32,
            (Context::Span, "span.status.code") => flat.spans[row].1.status_code = number as u32,
            (Context::Span, "span.start_time_unix_nano") => {
                flat.spans[row].1.start_time_unix_nano = number as u64
            }
            (Context::Span, "span.end_time_unix_nano") => {
                flat.spans[row].1.end_time_unix_nano = number as u64
            }
            (Context::SpanEvent, "spanevent.time_unix_nano") => {
                flat.events[row].1.time_unix_nano = number as u64
            }
            _ => panic!("{path} is no number that may be written"),
        }
        return;
    }
    *scalar_text(flat, context, path, row) = match value {
        None => String::new(),
        Some(Attr::Text(text)) => text,
        Some(other) => panic!("{path} takes a text, not {other:?}"),
    };
}
