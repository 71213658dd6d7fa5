//! Labels, each name once, as they are written.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

use super::{names, number};
use crate::otlp_json::name_of_double;

/// Labels on their way into a series' text.
#[derive(Clone, Debug, Default)]
pub(super) struct Labels(Vec<Label>);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Label {
    name: String,
    /// What it was made of: where two keys become one name, their values are joined in the order of these.
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
        self.push(&names::label(&key), &key, text(attribute));
    }

    /// The value that a label is to have, if there is one.
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

/// Writes a text so that it ends where it is meant to. Control characters, on which parsers disagree, become U+FFFD.
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

/// An attribute's value as text: lists and maps as JSON, bytes in base64.
pub(super) fn text(attribute: &KeyValue) -> String {
    let Some(value) = attribute
        .value
        .as_ref()
        .and_then(|value| value.value.as_ref())
    else {
        return String::new();
    };
    match value {
        Value::StringValue(text) => text.clone(),
        Value::DoubleValue(value) => double(*value).into_owned(),
        Value::BytesValue(bytes) => STANDARD.encode(bytes),
        value => match json(Some(value)) {
            serde_json::Value::Null => String::new(),
            json => json.to_string(),
        },
    }
}

fn double(value: f64) -> Cow<'static, str> {
    name_of_double(value).map_or_else(|| Cow::Owned(number::attribute(value)), Cow::Borrowed)
}

fn json(value: Option<&Value>) -> serde_json::Value {
    let any = |value: &AnyValue| json(value.value.as_ref());
    match value {
        Some(Value::StringValue(text)) => text.clone().into(),
        Some(Value::BoolValue(value)) => (*value).into(),
        Some(Value::IntValue(value)) => (*value).into(),
        // Without `.0` behind integers.
        Some(Value::DoubleValue(value)) if value.fract() == 0.0 && value.abs() < 1e15 => {
            (*value as i64).into()
        }
        Some(Value::DoubleValue(value)) => {
            name_of_double(*value).map_or_else(|| (*value).into(), serde_json::Value::from)
        }
        Some(Value::ArrayValue(array)) => array.values.iter().map(any).collect(),
        Some(Value::KvlistValue(list)) => list
            .values
            .iter()
            .map(|pair| {
                let value = pair.value.as_ref().map_or(serde_json::Value::Null, any);
                (pair.key.clone(), value)
            })
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Some(Value::BytesValue(bytes)) => STANDARD.encode(bytes).into(),
        Some(Value::StringValueStrindex(_)) | None => serde_json::Value::Null,
    }
}
