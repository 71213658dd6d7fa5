//! A manifest as a tree whose every node knows its place.

use crate::source::TextRange;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it stands.
    pub place: TextRange,
    /// What it is.
    pub value: Value,
    /// A scalar's text, before it was taken for a number or a truth value.
    pub raw: String,
    /// Whether it came out of the environment: its text stays out of messages.
    pub from_env: bool,
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer that an i64 or a u64 holds.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A mapping, in the order of the file; no key is there twice unless that was complained of.
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_place: TextRange,
    /// Its value.
    pub value: Node,
}

impl Node {
    /// Nothing, at a place.
    pub fn null(place: TextRange) -> Self {
        Self::new(place, Value::Null)
    }

    /// A mapping of these entries.
    pub fn map(place: TextRange, entries: Vec<Entry>) -> Self {
        Self::new(place, Value::Map(entries))
    }

    /// A value at a place.
    pub fn new(place: TextRange, value: Value) -> Self {
        Self {
            place,
            value,
            raw: String::new(),
            from_env: false,
        }
    }

    /// Whether there is nothing.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// What it is, for messages.
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Int(_) | Value::Float(_) => "a number",
            Value::Text(_) => "text",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// How many nodes it has, itself included.
    pub fn size(&self) -> usize {
        1 + match &self.value {
            Value::List(items) => items.iter().map(Node::size).sum(),
            Value::Map(entries) => entries.iter().map(|entry| entry.value.size()).sum(),
            _ => 0,
        }
    }

    /// Puts the node and all below it at one place: for values whose text is not in the manifest.
    pub fn move_to(&mut self, place: TextRange) {
        self.place = place;
        self.from_env = true;
        match &mut self.value {
            Value::List(items) => items.iter_mut().for_each(|item| item.move_to(place)),
            Value::Map(entries) => {
                for entry in entries {
                    entry.key_place = place;
                    entry.value.move_to(place);
                }
            }
            _ => {}
        }
    }
}
