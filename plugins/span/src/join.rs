//! Names made of attributes.

use std::collections::HashMap;

use spanmill_sdk::{AttributeField, Batch, Context, Contract, Outcome, Value, Values};

/// `from_attributes`: the values of some attributes, one behind the other.
#[derive(Debug)]
pub(crate) struct Join {
    fields: Vec<AttributeField>,
    separator: String,
    /// The name that the values of a row make, as long as the batch.
    names: HashMap<Vec<(u8, u64)>, u32>,
    /// The values of the row at hand.
    row: Vec<(u8, u64)>,
}

impl Join {
    pub(crate) fn new(keys: &[String], separator: &str, contract: &mut Contract) -> Self {
        let fields = keys
            .iter()
            .map(|key| contract.read_attribute(Context::Span, key));
        Join {
            fields: fields.collect(),
            separator: separator.to_owned(),
            names: HashMap::new(),
            row: Vec::new(),
        }
    }

    /// Names each span that has all of the attributes and is not skipped.
    pub(crate) fn names(
        &mut self,
        batch: &Batch<'_>,
        outcome: &mut Outcome,
        skip: &[u8],
        names: &mut [u32],
    ) {
        self.names.clear();
        let columns: Vec<Values<'_>> = self.fields.iter().map(|it| batch.attribute(*it)).collect();
        for (row, named) in names.iter_mut().enumerate() {
            if skip.get(row).is_some_and(|&skip| skip != 0) {
                continue;
            }
            self.row.clear();
            self.row.extend(columns.iter().map(|it| it.cell(row)));
            if self.row.iter().any(|&(kind, _)| kind == 0) {
                continue;
            }
            // One text is the name as it stands.
            if let [(1, text)] = self.row[..] {
                *named = text as u32;
                continue;
            }
            *named = match self.names.get(&self.row) {
                Some(&name) => name,
                None => {
                    let name = outcome.text(&joined(batch, &self.row, &self.separator));
                    self.names.insert(self.row.clone(), name);
                    name
                }
            };
        }
    }
}

fn joined(batch: &Batch<'_>, row: &[(u8, u64)], separator: &str) -> String {
    let mut name = String::new();
    for (place, &(kind, bits)) in row.iter().enumerate() {
        if place > 0 {
            name.push_str(separator);
        }
        match Value::from_cell(kind, bits, &batch.texts) {
            Value::Double(f64::INFINITY) => name.push_str("+Inf"),
            Value::Double(f64::NEG_INFINITY) => name.push_str("-Inf"),
            // Without an exponent, unlike elsewhere.
            Value::Double(number) => name.push_str(&number.to_string()),
            value @ (Value::Text(_) | Value::Bool(_) | Value::Int(_)) => {
                name.push_str(&value.to_text());
            }
            _ => name.push_str("<unknown-attribute-type>"),
        }
    }
    name
}
