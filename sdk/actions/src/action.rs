//! Checked actions.

use spanmill_pattern::Regex;
use spanmill_sdk::{Cell, Outcome};

use crate::request::RequestValue;

/// A value from the settings.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Constant {
    Text(String),
    Bool(bool),
    Int(i64),
    Double(f64),
    /// Encoded as in OTLP, like maps.
    Array(Vec<u8>),
    Map(Vec<u8>),
}

impl Constant {
    pub(crate) fn cell(&self, outcome: &mut Outcome) -> Cell {
        match self {
            Constant::Text(text) => Cell::Text(outcome.text(text)),
            Constant::Bool(flag) => Cell::Bool(*flag),
            Constant::Int(number) => Cell::Int(*number),
            Constant::Double(number) => Cell::Double(*number),
            Constant::Array(array) => Cell::Array(outcome.bytes(array)),
            Constant::Map(map) => Cell::Map(outcome.bytes(map)),
        }
    }
}

/// Where a value comes from: the first that has one.
#[derive(Debug)]
pub(crate) struct Source {
    pub value: Option<Constant>,
    /// A key's number.
    pub from: Option<usize>,
    /// What is known of the request.
    pub context: Option<RequestValue>,
    pub default: Option<Constant>,
}

/// What a value is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Text,
    Int,
    Double,
}

/// What an action does to its key.
#[derive(Debug)]
pub(crate) enum Kind {
    /// Insert, update or upsert.
    Put {
        source: Source,
        insert: bool,
        update: bool,
    },
    Delete(Option<Regex>),
    Hash(Option<Regex>),
    Extract {
        regex: Regex,
        /// The key of each group.
        targets: Vec<usize>,
        /// By pool index: 0 not looked at, 1 no match, else 2 + the place in `found`.
        memo: Vec<u32>,
        /// The texts that groups matched, of all texts looked at.
        found: Vec<u32>,
    },
    Convert(Target),
}

/// One action.
#[derive(Debug)]
pub(crate) struct Action {
    /// A key's number.
    pub key: Option<usize>,
    pub kind: Kind,
}

impl Action {
    /// The pattern that is matched against keys.
    pub(crate) fn key_pattern(&self) -> Option<&Regex> {
        match &self.kind {
            Kind::Delete(pattern) | Kind::Hash(pattern) => pattern.as_ref(),
            _ => None,
        }
    }

    /// The keys it touches or looks at.
    pub(crate) fn keys(&self) -> Vec<usize> {
        let mut keys: Vec<usize> = self.key.into_iter().collect();
        match &self.kind {
            Kind::Put { source, .. } => keys.extend(source.from),
            Kind::Extract { targets, .. } => keys.extend(targets),
            _ => {}
        }
        keys
    }

    /// The keys it may change.
    pub(crate) fn changes(&self) -> Vec<usize> {
        match &self.kind {
            Kind::Extract { targets, .. } => targets.clone(),
            _ => self.key.into_iter().collect(),
        }
    }
}

/// The keys that settings name, numbered.
#[derive(Debug, Default)]
pub(crate) struct Keys(pub Vec<String>);

impl Keys {
    pub(crate) fn number(&mut self, key: &str) -> usize {
        match self.0.iter().position(|known| known == key) {
            Some(number) => number,
            None => {
                self.0.push(key.to_owned());
                self.0.len() - 1
            }
        }
    }
}
