//! Conditions on a request's headers. They are no OTTL: the Collector has a grammar of its own for them, which is this one.

use spanmill_sdk::{AttributeField, Batch, Contract, Value, nested};

/// Whether a header has a value, or another one.
#[derive(Debug)]
pub(crate) struct RequestCondition {
    header: AttributeField,
    value: String,
    is_equal: bool,
}

const FORM: &str = "must be `request[\"<header>\"] == \"<value>\"`, or the same with `!=`: that is all that can be asked of a request";

impl RequestCondition {
    /// Reads a condition, and declares what it looks at.
    pub(crate) fn new(text: &str, contract: &mut Contract) -> Result<Self, &'static str> {
        let (left, is_equal, right) = match (text.split_once("=="), text.split_once("!=")) {
            (Some((left, right)), None) => (left, true, right),
            (None, Some((left, right))) => (left, false, right),
            _ => return Err(FORM),
        };
        let header = left.trim().strip_prefix("request[\"");
        let header = header.and_then(|rest| rest.strip_suffix("\"]"));
        let value = right.trim().strip_prefix('"');
        let value = value.and_then(|rest| rest.strip_suffix('"'));
        // A quote within would end the text: then more follows, which is no part of the form.
        let is_plain = |text: &str| !text.contains('"');
        match (header, value) {
            (Some(header), Some(value))
                if !header.is_empty() && is_plain(header) && is_plain(value) =>
            {
                Ok(RequestCondition {
                    header: contract.read_metadata(header),
                    value: value.to_owned(),
                    is_equal,
                })
            }
            _ => Err(FORM),
        }
    }

    /// Whether it holds of the request that the batch came in: of one of the header's values, so never of a header that was
    /// not sent.
    pub(crate) fn holds(&self, batch: &Batch<'_>) -> bool {
        let matches = |value: &[u8]| (value == self.value.as_bytes()) == self.is_equal;
        match batch.attribute(self.header).get(0, &batch.texts) {
            Value::Text(text) => matches(text.as_bytes()),
            Value::Bytes(bytes) => matches(bytes),
            Value::Array(array) => nested::items(array).any(|value| match value {
                Value::Text(text) => matches(text.as_bytes()),
                Value::Bytes(bytes) => matches(bytes),
                _ => false,
            }),
            _ => false,
        }
    }
}
