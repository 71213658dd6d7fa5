//! `type` or `type/name`, as components and pipelines are called in a manifest.

use std::fmt;

/// A component's name in a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentId {
    text: String,
    kind_len: usize,
}

impl ComponentId {
    /// Reads `type` or `type/name`; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (kind.trim(), Some(name.trim())),
            None => (text.trim(), None),
        };
        if !kind.starts_with(|c: char| c.is_ascii_alphabetic())
            || !kind.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            return Err("a type has letters, digits and underscores, and starts with a letter");
        }
        match name {
            Some("") => Err("there is no name after the slash"),
            Some(name) if name.contains(char::is_control) => {
                Err("a name has no control characters")
            }
            Some(name) => Ok(Self {
                text: format!("{kind}/{name}"),
                kind_len: kind.len(),
            }),
            None => Ok(Self {
                text: kind.to_owned(),
                kind_len: kind.len(),
            }),
        }
    }

    /// The type, as it was written: `otlp` in `otlp/tempo`.
    pub fn kind(&self) -> &str {
        self.text.get(..self.kind_len).unwrap_or(&self.text)
    }

    /// The name, if there is one: `tempo` in `otlp/tempo`.
    pub fn name(&self) -> Option<&str> {
        self.text.get(self.kind_len + 1..)
    }

    /// The whole id.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
