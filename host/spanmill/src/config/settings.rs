//! A plugin's settings: JSON, made of what the manifest says, and the way back from a plugin's complaint to its place.
//!
//! The host does not know what types a plugin wants. The Collector does, of its own components, and reads what is written
//! with that in mind: `"${env:PASSWORD}"` is text where text is wanted, though the variable holds a number; `1.0` is an
//! integer where one is wanted; and `a,b` is a list of two. So what a plugin will not have is offered to it once
//! more, as the Collector would have read it.

use spanmill_manifest::{Diagnostic, Diagnostics, Entry, Node, TextRange, Value};
use std::fmt;

use std::sync::Arc;

use serde_json::{Number, Value as Json};

/// A plugin's settings, and where each of them stands in the manifest.
#[derive(Clone)]
pub struct Settings {
    json: Json,
    node: Arc<Node>,
    key: TextRange,
    owner: String,
}

impl fmt::Debug for Settings {
    /// Without the settings: there may be a key to hash with among them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// The settings of a component, which are a mapping or nothing.
    pub(super) fn new(entry: &Entry, owner: String, out: &mut Diagnostics) -> Self {
        complain_of_infinity(&entry.value, &owner, out);
        let json = match to_json(&entry.value) {
            Json::Null => Json::Object(serde_json::Map::new()),
            json => json,
        };
        Self {
            json,
            node: Arc::new(entry.value.clone()),
            key: entry.key_place,
            owner,
        }
    }

    /// The settings; an empty object if the manifest gives none.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// Takes one of them out, which is for the host and not for the plugin. Returns what is written there, and where.
    pub(super) fn take(&mut self, key: &str) -> Option<Node> {
        let Json::Object(settings) = &mut self.json else {
            return None;
        };
        settings.remove(key)?;
        let (node, _) = self.find(&format!("/{key}"))?;
        Some(node.clone())
    }

    /// Whose they are, as messages call it.
    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    /// Sets one of them, in place of what the manifest says.
    pub(crate) fn set(&mut self, key: &str, value: Json) {
        if let Json::Object(settings) = &mut self.json {
            settings.insert(key.to_owned(), value);
        }
    }

    /// The settings with the value at a JSON pointer (RFC 6901) in its other reading; `None` if it has no other.
    pub fn read_otherwise(&self, pointer: &str) -> Option<Settings> {
        let (node, _) = self.find(pointer)?;
        let other = match &node.value {
            Value::Bool(_) | Value::Int(_) | Value::Float(_) if node.from_env => {
                Json::String(node.raw.clone())
            }
            Value::Float(value) => Json::Number(Number::from_i128(whole(*value)?)?),
            Value::Text(text) if text.is_empty() => Json::Array(Vec::new()),
            Value::Text(text) => text.split(',').map(Json::from).collect(),
            _ => return None,
        };
        let mut settings = self.clone();
        let place = settings.json.pointer_mut(pointer)?;
        if *place == other {
            return None;
        }
        *place = other;
        Some(settings)
    }

    /// The node at a JSON pointer and the place of its key; `None` if there is no such node.
    fn find(&self, pointer: &str) -> Option<(&Node, TextRange)> {
        let (node, name, is_whole) = self.follow(pointer);
        is_whole.then_some((node, name))
    }

    /// As far as a JSON pointer leads, and whether that is all the way.
    fn follow(&self, pointer: &str) -> (&Node, TextRange, bool) {
        let mut node = self.node.as_ref();
        let mut name = self.key;
        for step in pointer.split('/').skip(1) {
            let step = step.replace("~1", "/").replace("~0", "~");
            let found = match &node.value {
                Value::Map(entries) => entries
                    .iter()
                    .find(|entry| entry.key == step)
                    .map(|entry| (&entry.value, entry.key_place)),
                Value::List(items) => step
                    .parse()
                    .ok()
                    .and_then(|at: usize| items.get(at))
                    .map(|item| (item, item.place)),
                _ => None,
            };
            match found {
                Some((below, place)) => (node, name) = (below, place),
                None => return (node, name, false),
            }
        }
        (node, name, true)
    }

    /// Where a JSON pointer leads. If it leads nowhere, the nearest mapping or list above.
    pub fn locate(&self, pointer: &str) -> TextRange {
        let (node, name, _) = self.follow(pointer);
        // A scalar is pointed at itself; of something larger, its name.
        match node.value {
            Value::List(_) | Value::Map(_) | Value::Null => name,
            _ => node.place,
        }
    }

    /// A plugin's complaint about its settings as a diagnostic. `pointer` and `message` are the plugin's.
    pub fn problem(&self, pointer: &str, message: &str) -> Diagnostic {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        let path = path.replace("~1", "/").replace("~0", "~");
        let message = if path.is_empty() {
            format!("{}: {message}", self.owner)
        } else {
            format!("{}: {path}: {message}", self.owner)
        };
        Diagnostic::error(self.locate(pointer), message)
    }
}

/// A number without fraction as an integer, if a double holds it exactly.
fn whole(value: f64) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i128)
}

/// The settings as a plugin gets them. Integers stay integers.
pub fn to_json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => {
            Number::from_i128(*value).map_or_else(|| Json::String(node.raw.clone()), Json::Number)
        }
        Value::Float(value) => {
            Number::from_f64(*value).map_or_else(|| Json::String(node.raw.clone()), Json::Number)
        }
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => Json::Object(
            entries
                .iter()
                .map(|entry| (entry.key.clone(), to_json(&entry.value)))
                .collect(),
        ),
    }
}

/// JSON has no infinity, and nothing that is no number.
fn complain_of_infinity(node: &Node, owner: &str, out: &mut Diagnostics) {
    match &node.value {
        Value::Float(value) if !value.is_finite() => {
            let message = format!("{owner}: a plugin cannot be given a number that is not finite");
            out.push(
                Diagnostic::error(node.place, message).help("quote it if it is meant as text"),
            );
        }
        Value::List(items) => items
            .iter()
            .for_each(|item| complain_of_infinity(item, owner, out)),
        Value::Map(entries) => entries
            .iter()
            .for_each(|entry| complain_of_infinity(&entry.value, owner, out)),
        _ => {}
    }
}
