//! The spans or log records of a request one by one, for those who keep them apart from it.

use spanmill_model::Signal;

use crate::index::Entry;
use crate::request::Request;
use crate::schema::{Kind, message_of};
use crate::validate::DEPTH;
use crate::wire::DELIMITED;

/// A span or log record, and where it stands in its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row<'a> {
    /// The number of its resource, for [`Request::resource_fields`].
    pub resource: u32,
    /// The number of its scope within the request, for [`Request::scope_fields`].
    pub scope: u32,
    /// Its trace id; 0: none.
    pub trace_id: u128,
    /// The message.
    pub bytes: &'a [u8],
}

impl Request {
    /// Its spans or log records, in order. Of metrics none.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let index = &self.index;
        let resources = match index.signal {
            Signal::Metrics => &[][..],
            Signal::Traces | Signal::Logs => &index.resources,
        };
        (0u32..).zip(resources).flat_map(move |(resource, above)| {
            let scopes = index.scopes.get(above.first as usize..above.last as usize);
            (above.first..)
                .zip(scopes.unwrap_or(&[]))
                .flat_map(move |(scope, above)| {
                    let numbers = above.first as usize..above.last as usize;
                    let items = index.items.get(numbers.clone()).unwrap_or(&[]);
                    numbers.zip(items).map(move |(number, entry)| Row {
                        resource,
                        scope,
                        trace_id: self.trace_id(number),
                        bytes: entry.reader(&self.bytes).rest(),
                    })
                })
        })
    }

    /// The trace id of the span or log record with this number; 0: none. As in the column, the last one counts.
    pub fn trace_id(&self, item: usize) -> u128 {
        let index = &self.index;
        let Some(entry) = index.items.get(item) else {
            return 0;
        };
        let message = message_of(index.signal.item());
        let (fields, attribute) = (message.fields(), message.attribute_tag());
        let attributes = index.attribute_ends.get(item);
        let together = attributes.map_or(0, |(_, together)| *together as usize);
        let mut reader = entry.reader(&self.bytes);
        let mut found = 0;
        while !reader.is_done() {
            let at = reader.pos();
            // The check has listed these.
            if together > at && reader.rest().first() == Some(&attribute) {
                reader.advance(together - at);
                continue;
            }
            let Ok((number, wire)) = reader.tag() else {
                break;
            };
            let is_trace_id = fields.get(number as usize) == Some(&Kind::Id(16));
            if is_trace_id && wire == DELIMITED {
                let id = reader.delimited().unwrap_or(&[]);
                found = <[u8; 16]>::try_from(id).map_or(0, u128::from_be_bytes);
            } else if reader.skip(number, wire, DEPTH).is_err() {
                break;
            }
        }
        found
    }

    /// Appends the fields of the message around a resource, other than its scopes: the resource, its schema URL, and what
    /// this version does not know.
    pub fn resource_fields(&self, resource: u32, out: &mut Vec<u8>) {
        let index = &self.index;
        if let Some(group) = index.resources.get(resource as usize) {
            let scopes = index.scopes.get(group.first as usize..group.last as usize);
            let bodies = scopes.unwrap_or(&[]).iter().map(|scope| scope.body);
            around(&self.bytes, group.body, bodies, out);
        }
    }

    /// Appends the fields of the message around a scope of traces or logs, other than its spans or log records.
    pub fn scope_fields(&self, scope: u32, out: &mut Vec<u8>) {
        let index = &self.index;
        let group = index.scopes.get(scope as usize);
        if let Some(group) = group.filter(|_| index.signal != Signal::Metrics) {
            let items = index.items.get(group.first as usize..group.last as usize);
            around(
                &self.bytes,
                group.body,
                items.unwrap_or(&[]).iter().copied(),
                out,
            );
        }
    }
}

/// Appends a message without some of its fields, which come in order.
fn around(bytes: &[u8], body: Entry, without: impl Iterator<Item = Entry>, out: &mut Vec<u8>) {
    let mut at = body.body;
    for entry in without {
        out.extend_from_slice(bytes.get(at as usize..entry.start as usize).unwrap_or(&[]));
        at = entry.end;
    }
    out.extend_from_slice(bytes.get(at as usize..body.end as usize).unwrap_or(&[]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_id_is_found_wherever_it_stands() {
        let id = |number: u8, byte: u8| {
            let mut field = vec![number << 3 | 2, 16];
            field.extend([byte; 16]);
            field
        };
        let name = vec![0x2a, 1, b'a'];
        let of = u128::from_be_bytes;
        for (signal, fields, expected) in [
            (Signal::Traces, vec![id(1, 7)], of([7; 16])),
            (Signal::Traces, vec![name.clone(), id(1, 7)], of([7; 16])),
            (Signal::Traces, vec![id(1, 7), id(1, 8)], of([8; 16])),
            (
                Signal::Traces,
                vec![id(1, 7), name.clone(), id(1, 8)],
                of([8; 16]),
            ),
            (Signal::Traces, vec![name], 0),
            (Signal::Traces, vec![vec![0x0a, 0]], 0),
            (Signal::Logs, vec![vec![0x10, 9], id(9, 3)], of([3; 16])),
            (Signal::Logs, vec![vec![0x10, 9]], 0),
        ] {
            let mut assembly = crate::Assembly::new(signal);
            assembly.item(&fields.concat());
            let request = Request::parse(signal, assembly.finish().bytes).unwrap();
            let ids: Vec<u128> = request.rows().map(|row| row.trace_id).collect();
            assert_eq!(ids, [expected]);
        }
    }
}
