//! What stands around the rows of a request, without the rows.

use std::collections::HashMap;

use spanmill_model::{Context, Signal};

use crate::groups::GroupEntry;
use crate::index::{Entry, Group};
use crate::key_value;
use crate::request::Request;
use crate::schema::{DataKind, attributes_number, number};
use crate::validate::DEPTH;
use crate::wire::{DELIMITED, Reader, put_delimited};

/// A metric without its points.
pub(crate) struct Fields {
    pub(crate) kind: DataKind,
    /// The number of the field that holds the message with the points.
    pub(crate) data_number: u32,
    /// The metric's own fields.
    pub(crate) own: Vec<u8>,
    /// Those of the message with the points.
    pub(crate) of_data: Vec<u8>,
}

impl Fields {
    /// Whether the metric has a message with points.
    pub(crate) fn has_data(&self) -> bool {
        self.kind != DataKind::None
    }
}

/// The fields of the message around a scope, other than the rows below.
pub(crate) fn scope_fields(request: &Request, scope: u32) -> Vec<u8> {
    let index = &request.index;
    let mut fields = Vec::new();
    if let Some(group) = index.scopes.get(scope as usize) {
        let rows = group.first as usize..group.last as usize;
        match index.signal {
            Signal::Metrics => {
                let below = index.metrics.get(rows).unwrap_or(&[]).iter();
                without(request, group.body, below.map(|it| it.head), &mut fields);
            }
            Signal::Traces | Signal::Logs => {
                let below = index.items.get(rows).unwrap_or(&[]).iter().copied();
                without(request, group.body, below, &mut fields);
            }
        }
    }
    fields
}

/// What a metric has beside its points.
pub(crate) fn metric_fields(request: &Request, group: &Group) -> Fields {
    let mut fields = Fields {
        kind: group.data,
        data_number: 0,
        own: Vec::new(),
        of_data: Vec::new(),
    };
    if group.data == DataKind::None {
        without(request, group.head, std::iter::empty(), &mut fields.own);
        return fields;
    }
    let data = std::iter::once(group.body);
    without(request, group.head, data, &mut fields.own);
    let (start, body) = (group.body.start as usize, group.body.body as usize);
    let tag = Reader::new(&request.bytes, start, body).tag();
    fields.data_number = tag.map_or(0, |(number, _)| number);
    let points = group.first as usize..group.last as usize;
    let points = request.index.items.get(points).unwrap_or(&[]).iter();
    without(request, group.body, points.copied(), &mut fields.of_data);
    fields
}

/// Appends a message without some of its fields, which come in order.
fn without(
    request: &Request,
    message: Entry,
    fields: impl Iterator<Item = Entry>,
    out: &mut Vec<u8>,
) {
    let bytes = &request.bytes;
    let mut at = message.body;
    for field in fields {
        out.extend_from_slice(bytes.get(at as usize..field.start as usize).unwrap_or(&[]));
        at = field.end;
    }
    out.extend_from_slice(bytes.get(at as usize..message.end as usize).unwrap_or(&[]));
}

/// The fields of the message around a resource, other than its scopes, with entries that take the place of those with their
/// key.
pub(crate) fn resource_with<'m>(
    request: &Request,
    resource: u32,
    entries: impl Iterator<Item = GroupEntry<'m>>,
) -> Vec<u8> {
    let mut fields = Vec::new();
    request.resource_fields(resource, &mut fields);
    let mut entries = entries.peekable();
    if entries.peek().is_none() {
        return fields;
    }
    // Of entries with one key the last counts.
    let mut of_key: HashMap<&[u8], usize> = HashMap::new();
    let mut on_top: Vec<Option<&[u8]>> = Vec::new();
    for entry in entries {
        let at = *of_key.entry(entry.key).or_insert(on_top.len());
        match on_top.get_mut(at) {
            Some(known) => *known = Some(entry.field),
            None => on_top.push(Some(entry.field)),
        }
    }
    let mut own = Vec::new();
    let mut around = Vec::with_capacity(fields.len());
    each_field(&fields, |number, wire, field| {
        match (number, wire) {
            (number::HEAD, DELIMITED) => {
                let message = payload(field);
                each_field(message, |number, _, field| {
                    let is_attribute = number == attributes_number(Context::Resource, 0);
                    let key = is_attribute.then(|| key_of(payload(field)));
                    match key.and_then(|key| of_key.get(key)) {
                        None => own.extend_from_slice(field),
                        // What else has the key goes: no old value may show through.
                        Some(at) => {
                            let new = on_top.get_mut(*at).and_then(Option::take);
                            own.extend_from_slice(new.unwrap_or(&[]));
                        }
                    }
                });
            }
            _ => around.extend_from_slice(field),
        }
    });
    for field in on_top.into_iter().flatten() {
        own.extend_from_slice(field);
    }
    let mut with = Vec::with_capacity(around.len() + own.len() + 6);
    put_delimited(&mut with, number::HEAD, &own);
    with.extend_from_slice(&around);
    with
}

/// Shows each field of a checked message: its number, its wire type, and itself, with its tag.
pub(crate) fn each_field<'m>(message: &'m [u8], mut each: impl FnMut(u32, u8, &'m [u8])) {
    let mut reader = Reader::new(message, 0, message.len());
    while !reader.is_done() {
        let start = reader.pos();
        let Ok((number, wire)) = reader.tag() else {
            break;
        };
        if reader.skip(number, wire, DEPTH).is_err() {
            break;
        }
        each(
            number,
            wire,
            message.get(start..reader.pos()).unwrap_or(&[]),
        );
    }
}

/// The content of a field that has a length.
pub(crate) fn payload(field: &[u8]) -> &[u8] {
    let mut reader = Reader::new(field, 0, field.len());
    match reader.tag() {
        Ok((_, DELIMITED)) => reader.delimited().unwrap_or(&[]),
        _ => &[],
    }
}

/// The key of a `KeyValue`. As decoders have it, the last counts.
pub(crate) fn key_of(entry: &[u8]) -> &[u8] {
    if let Some((key, _)) = key_value::split(entry) {
        return key;
    }
    let mut key: &[u8] = &[];
    each_field(entry, |number, wire, field| {
        if (number, wire) == (number::KEY, DELIMITED) {
            key = payload(field);
        }
    });
    key
}
