//! Merges manifests as the Collector does: mappings key by key, anything else as a whole.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::TextRange;
use crate::tree::{Entry, Node, Value};

/// The Collector's shorthand for nesting at the top of a manifest: `processors::batch::timeout: 2s`.
const SEPARATOR: &str = "::";
/// More levels than any setting is deep.
const MAX_LEVELS: usize = 16;

/// Lays the mapping at the top of a manifest over another.
pub fn lay_over(whole: &mut Node, top: Node, out: &mut Diagnostics) {
    let place = top.place;
    match top.value {
        Value::Map(entries) => {
            for entry in entries {
                let levels = entry.key.matches(SEPARATOR).count();
                let entry = match levels {
                    1..=MAX_LEVELS => nested(entry),
                    _ => entry,
                };
                lay_entry(whole, entry, place);
            }
        }
        Value::Null => {}
        _ => {
            let message = format!("manifest: expected a mapping, found {}", top.kind());
            out.push(Diagnostic::error(place, message));
        }
    }
}

fn lay_entry(whole: &mut Node, entry: Entry, place: TextRange) {
    if !matches!(whole.value, Value::Map(_)) {
        *whole = Node::map(place, Vec::new());
    }
    let Value::Map(entries) = &mut whole.value else {
        return;
    };
    let Some(known) = entries.iter_mut().find(|known| known.key == entry.key) else {
        entries.push(entry);
        return;
    };
    match (&known.value.value, entry.value.value) {
        (Value::Map(_), Value::Map(below)) => {
            for entry in below {
                let place = entry.key_place;
                lay_entry(&mut known.value, entry, place);
            }
        }
        (_, value) => {
            known.key_place = entry.key_place;
            known.value = Node {
                value,
                ..entry.value
            };
        }
    }
}

/// `a::b: c` as `a: {b: c}`.
fn nested(entry: Entry) -> Entry {
    let mut keys = entry.key.rsplit(SEPARATOR);
    let mut inner = Entry {
        key: keys.next().unwrap_or_default().to_owned(),
        ..entry.clone()
    };
    for key in keys {
        inner = Entry {
            key: key.to_owned(),
            key_place: inner.key_place,
            value: Node::map(inner.key_place, vec![inner]),
        };
    }
    inner
}
