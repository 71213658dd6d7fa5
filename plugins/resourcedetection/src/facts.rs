//! What detectors find out: attributes, each with its value.

use std::collections::BTreeMap;

use serde::Deserialize;

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fact {
    Text(String),
    Int(i64),
    List(Vec<String>),
}

/// Attributes in the order they were found; of several values of one, the first counts.
#[derive(Debug, Default)]
pub(crate) struct Facts(pub Vec<(String, Fact)>);

impl Facts {
    pub(crate) fn add(&mut self, key: &str, fact: Fact) {
        if !self.0.iter().any(|(known, _)| known == key) {
            self.0.push((key.to_owned(), fact));
        }
    }

    pub(crate) fn add_text(&mut self, key: &str, value: impl Into<String>) {
        self.add(key, Fact::Text(value.into()));
    }
}

/// An attribute that a detector may set, and whether it does if settings do not say.
pub(crate) type Known = (&'static str, bool);

/// Which attributes a detector sets, by the settings.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Choice(BTreeMap<String, Enabled>);

#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
struct Enabled {
    enabled: Option<bool>,
}

impl Choice {
    /// Those of the settings' attributes that a detector does not set.
    pub(crate) fn unknown(&self, known: &[Known]) -> impl Iterator<Item = &str> {
        let is_known = |key: &str| known.iter().any(|(known, _)| *known == key);
        self.0
            .keys()
            .map(String::as_str)
            .filter(move |key| !is_known(key))
    }

    /// Whether an attribute is to be set.
    pub(crate) fn has(&self, (key, by_default): Known) -> bool {
        let chosen = self.0.get(key).and_then(|it| it.enabled);
        chosen.unwrap_or(by_default)
    }
}
