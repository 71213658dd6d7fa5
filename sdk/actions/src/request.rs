//! Values that are known of the request that a batch came in.

use spanmill_sdk::{AttributeField, Batch, Cell, Contract, Outcome, TextField, Value, nested};

/// Where such a value is found.
#[derive(Debug)]
pub(crate) enum RequestValue {
    Header(AttributeField),
    Address(TextField),
}

impl RequestValue {
    /// Reads `from_context`, as the Collector has it; `None` if it is empty.
    pub(crate) fn new(from_context: &str, contract: &mut Contract) -> Result<Option<Self>, String> {
        if from_context.is_empty() {
            return Ok(None);
        }
        if from_context == "client.address" {
            return Ok(Some(Self::Address(contract.read_client_address())));
        }
        if let Some(attribute) = from_context.strip_prefix("auth.") {
            return Err(format!(
                "nothing is known of {attribute}: receivers do not authenticate; use a header, metadata.<name>, that whoever does has set"
            ));
        }
        // A name alone is a header, too.
        let header = from_context.strip_prefix("metadata.");
        let header = header.unwrap_or(from_context);
        Ok(Some(Self::Header(contract.read_metadata(header))))
    }

    /// The value in this batch; absent if it is not known.
    pub(crate) fn cell(&self, batch: &Batch<'_>, outcome: &mut Outcome) -> Cell {
        // It is the same in every row.
        let cell = match self {
            RequestValue::Address(field) => match batch.text(*field).first() {
                Some(&text) if text != spanmill_sdk::ABSENT => Cell::Text(text),
                _ => Cell::Absent,
            },
            RequestValue::Header(field) => {
                let (kind, bits) = batch.attribute(*field).cell(0);
                Cell::from_parts(kind, bits)
            }
        };
        let joined = match cell {
            Cell::Bytes(index) => text_of(batch.texts.bytes(index)),
            Cell::Array(index) => {
                let values = nested::items(batch.texts.bytes(index));
                let texts = values.map(|value| match value {
                    Value::Text(text) => text.to_owned(),
                    Value::Bytes(bytes) => text_of(bytes),
                    _ => String::new(),
                });
                texts.collect::<Vec<_>>().join(";")
            }
            _ => return cell,
        };
        Cell::Text(outcome.text(&joined))
    }
}

/// Headers may have bytes that are no text.
fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
