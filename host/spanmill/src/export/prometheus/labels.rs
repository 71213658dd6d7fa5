//! The labels of a series as text, each name once.

use opentelemetry_proto::tonic::common::v1::KeyValue;

use crate::export::prom::{names, value_text};

/// Collects the labels of a series.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(Vec<Label>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    name: String,
    /// The attribute's key. Where two keys become one name, their values are joined in the order of the keys.
    key: String,
    value: String,
}

impl Labels {
    /// A label whose name is known to be valid; `key` is the attribute that it stands for.
    pub(super) fn push(&mut self, name: &str, key: &str, value: String) {
        self.0.push(Label {
            name: name.to_owned(),
            key: key.to_owned(),
            value,
        });
    }

    /// The label of an attribute.
    pub(super) fn attribute(&mut self, prefix: &str, attribute: &KeyValue) {
        let key = format!("{prefix}{}", attribute.key);
        self.push(&names::label(&key), &key, value_text::of(attribute));
    }

    /// The value of a label so far.
    pub(super) fn value(&self, name: &str) -> Option<String> {
        let mut values: Vec<&Label> = self.0.iter().filter(|label| label.name == name).collect();
        values.sort();
        let (first, others) = values.split_first()?;
        let mut joined = first.value.clone();
        let mut last = *first;
        for label in others {
            if (&label.key, &label.value) != (&last.key, &last.value) {
                joined.push(';');
                joined.push_str(&label.value);
            }
            last = label;
        }
        Some(joined)
    }

    /// The labels as they stand between braces: in order of names, each once. Of one that belongs to the format itself,
    /// as `le` on a histogram, the name gets `exported_` before it.
    pub(super) fn written(mut self, reserved: Option<&str>) -> String {
        if let Some(reserved) = reserved {
            for label in self.0.iter_mut().filter(|label| label.name == reserved) {
                label.name.insert_str(0, "exported_");
            }
        }
        self.0.sort();
        let mut out = String::new();
        let mut last: Option<&Label> = None;
        for label in &self.0 {
            match last {
                Some(last) if last.name == label.name => {
                    if (&last.key, &last.value) != (&label.key, &label.value) {
                        out.pop();
                        out.push(';');
                        escape(&mut out, &label.value, true);
                        out.push('"');
                    }
                }
                _ => {
                    if last.is_some() {
                        out.push(',');
                    }
                    out.push_str(&label.name);
                    out.push_str("=\"");
                    escape(&mut out, &label.value, true);
                    out.push('"');
                }
            }
            last = Some(label);
        }
        out
    }
}

/// Splits labels as they stand between braces.
pub(super) fn pairs(written: &str) -> Vec<(&str, String)> {
    let mut pairs = Vec::new();
    let mut rest = written;
    while let Some((name, value)) = rest.split_once("=\"") {
        let mut text = String::new();
        let mut chars = value.chars();
        loop {
            match chars.next() {
                None | Some('"') => break,
                Some('\\') => match chars.next() {
                    Some('n') => text.push('\n'),
                    Some(other) => text.push(other),
                    None => break,
                },
                Some(other) => text.push(other),
            }
        }
        pairs.push((name, text));
        rest = chars.as_str();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
    pairs
}

/// Writes a text, escaped. Control characters, on which parsers disagree, become U+FFFD.
pub(super) fn escape(out: &mut String, text: &str, quotes: bool) {
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '"' if quotes => out.push_str("\\\""),
            '\t' => out.push('\t'),
            '\u{2028}' | '\u{2029}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
}
