//! What makes resources, scopes and metrics the same.

use std::collections::HashMap;

use spanmill_model::Context;

use super::fields::{Fields, each_field, key_of, payload};
use crate::schema::{attributes_number, number};
use crate::wire::{DELIMITED, put_delimited, put_varint};

/// Numbers for messages, from 0 on in the order they come: equal ones for those that are the same.
#[derive(Default)]
pub(crate) struct Identities {
    numbers: HashMap<Vec<u8>, u32>,
}

impl Identities {
    fn number(&mut self, identity: Vec<u8>) -> u32 {
        let next = self.numbers.len() as u32;
        *self.numbers.entry(identity).or_insert(next)
    }

    /// The number of a resource or scope, by the fields of the message around it. The order of attributes does not count.
    pub(crate) fn around(&mut self, context: Context, fields: &[u8]) -> u32 {
        let mut identity = Vec::with_capacity(fields.len() + 8);
        let mut others = Vec::new();
        let mut head: &[u8] = &[];
        each_field(fields, |number, wire, field| match (number, wire) {
            (number::HEAD, DELIMITED) => head = payload(field),
            (number::SCHEMA_URL, DELIMITED) if payload(field).is_empty() => {}
            _ => others.extend_from_slice(field),
        });
        put_message(head, attributes_number(context, 0), None, &mut identity);
        identity.extend_from_slice(&others);
        self.number(identity)
    }

    /// The number of a metric, by all that it has beside its description and points.
    pub(crate) fn metric(&mut self, fields: &Fields) -> u32 {
        let mut identity = vec![fields.kind as u8];
        put_message(
            &fields.own,
            attributes_number(Context::Metric, 0),
            Some(number::DESCRIPTION),
            &mut identity,
        );
        identity.extend_from_slice(&fields.of_data);
        self.number(identity)
    }
}

/// Appends a message with its attributes by key, and without one of its fields.
fn put_message(message: &[u8], attributes: u32, left_out: Option<u32>, out: &mut Vec<u8>) {
    let mut entries: Vec<(&[u8], &[u8])> = Vec::new();
    let mut others = Vec::new();
    each_field(message, |number, _, field| match number {
        _ if number == attributes => {
            let entry = payload(field);
            entries.push((key_of(entry), entry));
        }
        _ if Some(number) == left_out => {}
        _ => others.extend_from_slice(field),
    });
    // Of entries with one key the first counts for those who look it up.
    entries.sort_by_key(|(key, _)| *key);
    put_varint(out, entries.len() as u64);
    for (_, entry) in entries {
        put_delimited(out, 1, entry);
    }
    put_delimited(out, 2, &others);
}
