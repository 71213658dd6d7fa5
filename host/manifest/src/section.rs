//! Reads a mapping key by key. Each reader takes its key, reports a mistake in the same style, and carries on.
//! A key that nobody read is unknown.

use std::fmt::Display;
use std::time::Duration;

use crate::diagnostics::{Diagnostic, Diagnostics, did_you_mean};
use crate::duration::{self, DurationError};
use crate::source::TextRange;
use crate::tree::{Entry, Node, Value};

/// A mapping being read.
pub struct Section<'n> {
    entries: &'n [Entry],
    asked: Vec<&'static str>,
    /// What the mapping belongs to, for messages: `exporter otlp/tempo`.
    owner: String,
    /// Whether it is the manifest itself, which sections are not named after.
    is_root: bool,
    place: TextRange,
}

impl<'n> Section<'n> {
    /// Opens a mapping; no value counts as an empty one.
    pub fn open(
        node: &'n Node,
        place: TextRange,
        owner: impl Into<String>,
        out: &mut Diagnostics,
    ) -> Self {
        let owner = owner.into();
        let entries: &[Entry] = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                let message = format!("{owner}: expected a mapping, found {}", node.kind());
                out.push(Diagnostic::error(node.place, message));
                &[]
            }
        };
        Self {
            entries,
            asked: Vec::new(),
            owner,
            is_root: false,
            place,
        }
    }

    /// Opens the manifest itself.
    pub fn root(node: &'n Node, out: &mut Diagnostics) -> Self {
        Section {
            is_root: true,
            ..Section::open(node, TextRange::default(), "manifest", out)
        }
    }

    /// The owner, as messages call it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Where its name stands.
    pub fn place(&self) -> TextRange {
        self.place
    }

    /// Every entry, for mappings whose keys are the user's own.
    pub fn entries(&self) -> &'n [Entry] {
        self.entries
    }

    /// The entry of a key; a key without a value counts.
    pub fn entry(&mut self, key: &'static str) -> Option<&'n Entry> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of a key; `None` if the key has no value.
    pub fn value(&mut self, key: &'static str) -> Option<&'n Node> {
        self.entry(key)
            .map(|entry| &entry.value)
            .filter(|node| !node.is_null())
    }

    /// A mapping below a key.
    pub fn section(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<Section<'n>> {
        let owner = match self.is_root {
            true => key.to_owned(),
            false => format!("{}: {key}", self.owner),
        };
        self.entry(key)
            .map(|entry| Section::open(&entry.value, entry.key_place, owner, out))
    }

    /// An error about a key's value.
    pub fn wrong(&self, key: &str, node: &Node, what: impl Display) -> Diagnostic {
        Diagnostic::error(node.place, format!("{}: {key}: {what}", self.owner))
    }

    /// A warning about a key's value.
    pub fn doubtful(&self, key: &str, node: &Node, what: impl Display) -> Diagnostic {
        Diagnostic::warning(node.place, format!("{}: {key}: {what}", self.owner))
    }

    fn expected(&self, key: &str, node: &Node, expected: &str) -> Diagnostic {
        self.wrong(
            key,
            node,
            format_args!("expected {expected}, found {}", node.kind()),
        )
    }

    /// A text.
    pub fn text(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<String> {
        let node = self.value(key)?;
        let text = text_of(node);
        if text.is_none() {
            out.push(
                self.expected(key, node, "text")
                    .maybe_help(quote_hint(node)),
            );
        }
        text
    }

    /// True or false.
    pub fn flag(&mut self, key: &'static str, default: bool, out: &mut Diagnostics) -> bool {
        let Some(node) = self.value(key) else {
            return default;
        };
        match (&node.value, node.raw.as_str()) {
            (Value::Bool(value), _) => *value,
            (Value::Text(_), "true") if node.from_env => true,
            (Value::Text(_), "false") if node.from_env => false,
            _ => {
                out.push(self.expected(key, node, "true or false"));
                default
            }
        }
    }

    /// A whole number that is not negative.
    pub fn number(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<u64> {
        let node = self.value(key)?;
        let value = match &node.value {
            Value::Int(value) => u64::try_from(*value).ok(),
            // As the Collector, where nothing is lost.
            Value::Float(value) if is_whole(*value) => Some(*value as u64),
            Value::Text(text) if node.from_env => text.parse().ok(),
            _ => None,
        };
        if value.is_none() {
            let found = match &node.value {
                Value::Int(_) => "a negative one",
                Value::Float(_) => "a fraction",
                _ => node.kind(),
            };
            out.push(self.wrong(
                key,
                node,
                format_args!("expected a whole number, found {found}"),
            ));
        }
        value
    }

    /// A whole number of at least 1.
    pub fn positive(&mut self, key: &'static str, default: u64, out: &mut Diagnostics) -> u64 {
        match self.number(key, out) {
            Some(0) => {
                if let Some(node) = self.value(key) {
                    out.push(self.wrong(key, node, "must be at least 1"));
                }
                default
            }
            Some(value) => value,
            None => default,
        }
    }

    /// A number.
    pub fn float(&mut self, key: &'static str, default: f64, out: &mut Diagnostics) -> f64 {
        let Some(node) = self.value(key) else {
            return default;
        };
        let value = match &node.value {
            Value::Int(value) => Some(*value as f64),
            Value::Float(value) => Some(*value),
            Value::Text(text) if node.from_env => text.parse().ok(),
            _ => None,
        };
        match value.filter(|value| value.is_finite()) {
            Some(value) => value,
            None => {
                out.push(self.expected(key, node, "a number"));
                default
            }
        }
    }

    /// A duration.
    pub fn duration(
        &mut self,
        key: &'static str,
        default: Duration,
        out: &mut Diagnostics,
    ) -> Duration {
        let Some(node) = self.value(key) else {
            return default;
        };
        let parsed = match &node.value {
            // As in the Collector: nanoseconds.
            Value::Int(value) => {
                let nanos = u64::try_from(*value).map_err(|_| DurationError::NotADuration);
                nanos.and_then(|nanos| duration::bounded(Duration::from_nanos(nanos)))
            }
            _ => text_of(node).map_or(Err(DurationError::NotADuration), |text| {
                duration::parse(&text)
            }),
        };
        match (parsed, &node.value) {
            (Ok(duration), Value::Int(value)) if *value != 0 => {
                let message = format!(
                    "{}: {key}: a number without a unit counts nanoseconds",
                    self.owner
                );
                out.push(
                    Diagnostic::warning(node.place, message)
                        .help(format!("write it with its unit: `{duration:?}`")),
                );
                duration
            }
            (Ok(duration), _) => duration,
            (Err(error), _) => {
                let help = match error {
                    DurationError::NotADuration => {
                        "durations are written like `200ms`, `1.5s` or `1h30m`"
                    }
                    DurationError::TooLong => "write a shorter one",
                };
                out.push(self.wrong(key, node, error).help(help));
                default
            }
        }
    }

    /// A duration, if one is given.
    pub fn optional_duration(
        &mut self,
        key: &'static str,
        out: &mut Diagnostics,
    ) -> Option<Duration> {
        self.value(key)?;
        Some(self.duration(key, Duration::ZERO, out))
    }

    /// A duration above zero.
    pub fn nonzero_duration(
        &mut self,
        key: &'static str,
        default: Duration,
        out: &mut Diagnostics,
    ) -> Duration {
        let duration = self.duration(key, default, out);
        if duration.is_zero()
            && let Some(node) = self.value(key)
        {
            out.push(self.wrong(key, node, "must be longer than zero"));
            return default;
        }
        duration
    }

    /// One of a few words.
    pub fn choice<T: Copy>(
        &mut self,
        key: &'static str,
        choices: &[(&'static str, T)],
        out: &mut Diagnostics,
    ) -> Option<T> {
        let node = self.value(key)?;
        let written = node.raw.as_str();
        if let Some((_, value)) = choices.iter().find(|(word, _)| *word == written) {
            return Some(*value);
        }
        let words: Vec<&str> = choices
            .iter()
            .map(|(word, _)| *word)
            // Spellings that are taken but not advertised.
            .filter(|word| !word.is_empty() && !word.starts_with(|c: char| c.is_uppercase()))
            .collect();
        out.push(
            self.wrong(key, node, "this value is not known")
                .maybe_help(did_you_mean(written, words.iter().copied()))
                .help(format!("one of: {}", words.join(", "))),
        );
        None
    }

    /// A list. As the Collector has it, a text is one as well: of what stands between its commas.
    pub fn list(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<Vec<Node>> {
        let node = self.value(key)?;
        match &node.value {
            Value::List(items) => Some(items.clone()),
            Value::Text(text) => {
                let items = text.split(',').filter(|_| !text.is_empty());
                let item = |text: &str| Node {
                    value: Value::Text(text.to_owned()),
                    raw: text.to_owned(),
                    ..node.clone()
                };
                Some(items.map(item).collect())
            }
            _ => {
                out.push(
                    self.expected(key, node, "a list")
                        .help("write it as `[a, b]`"),
                );
                None
            }
        }
    }

    /// A list of texts.
    pub fn texts(&mut self, key: &'static str, out: &mut Diagnostics) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for item in &self.list(key, out)? {
            match text_of(item) {
                Some(text) => texts.push(text),
                None => out.push(self.expected(key, item, "text")),
            }
        }
        Some(texts)
    }

    /// A mapping from the user's own keys to texts.
    pub fn text_map(&mut self, key: &'static str, out: &mut Diagnostics) -> Vec<(Entry, String)> {
        let Some(section) = self.section(key, out) else {
            return Vec::new();
        };
        let mut map = Vec::new();
        for entry in section.entries {
            if entry.value.is_null() {
                map.push((entry.clone(), String::new()));
            } else if let Some(text) = text_of(&entry.value) {
                map.push((entry.clone(), text));
            } else {
                out.push(
                    section
                        .expected(&entry.key, &entry.value, "text")
                        .maybe_help(quote_hint(&entry.value)),
                );
            }
        }
        map
    }

    /// A key that the Collector has and that this version refuses, because going on without it would be wrong.
    pub fn refuse(&mut self, key: &'static str, why: &str, help: &str, out: &mut Diagnostics) {
        let Some(entry) = self.entry(key) else {
            return;
        };
        let unset = matches!(
            entry.value.value,
            Value::Null | Value::Bool(false) | Value::Int(0)
        );
        if !unset {
            out.push(
                Diagnostic::error(entry.key_place, format!("{}: {key} {why}", self.owner))
                    .help(help),
            );
        }
    }

    /// As [`Section::refuse`], of a key that means something without a value as well.
    pub fn refuse_bare(&mut self, key: &'static str, why: &str, help: &str, out: &mut Diagnostics) {
        if let Some(entry) = self.entry(key) {
            let message = format!("{}: {key} {why}", self.owner);
            out.push(Diagnostic::error(entry.key_place, message).help(help));
        }
    }

    /// Collector keys that do not change what a user sees, only how it is done, such as the size of buffers.
    pub fn ignore(&mut self, keys: &[&'static str], out: &mut Diagnostics) {
        for key in keys {
            if let Some(entry) = self.entry(key) {
                let message = format!("{}: {key} has no effect in this version", self.owner);
                out.push(Diagnostic::warning(entry.key_place, message));
            }
        }
    }

    /// Ends the reading and reports every key that nobody asked for.
    pub fn finish(self, out: &mut Diagnostics) {
        for entry in self.entries {
            if self.asked.contains(&entry.key.as_str()) {
                continue;
            }
            let suggestion = did_you_mean(&entry.key, self.asked.iter().copied());
            let known = match suggestion {
                None if self.asked.is_empty() => Some("it has no settings".to_owned()),
                None => Some(format!("known keys: {}", self.asked.join(", "))),
                some => some,
            };
            out.push(
                Diagnostic::error(
                    entry.key_place,
                    format!("{}: unknown key `{}`", self.owner, entry.key),
                )
                .maybe_help(known),
            );
        }
    }
}

/// Whether it is a whole number that is not negative, and exact.
fn is_whole(value: f64) -> bool {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.fract() == 0.0 && (0.0..=EXACT).contains(&value)
}

fn text_of(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        // As the Collector does: what a variable holds is still the text it was.
        Value::Bool(_) | Value::Int(_) | Value::Float(_) if node.from_env => Some(node.raw.clone()),
        _ => None,
    }
}

fn quote_hint(node: &Node) -> Option<String> {
    match node.value {
        Value::Bool(_) | Value::Int(_) | Value::Float(_) if !node.from_env => {
            Some(format!("quote it: \"{}\"", node.raw))
        }
        _ => None,
    }
}
