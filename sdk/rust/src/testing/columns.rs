//! Makes the batch that a host would hand over for a contract.

use std::collections::HashMap;

use super::flat::Flat;
use super::spans::{Attr, AttrList, find};
use crate::contract::{attribute_key, context_of};
use crate::guest::telemetry;
use crate::{Context, Value};

/// Every context, in the order of the tables.
pub(super) const CONTEXTS: [Context; 5] = [
    Context::Resource,
    Context::Scope,
    Context::Span,
    Context::SpanEvent,
    Context::SpanLink,
];

pub(super) fn wire_context(context: Context) -> telemetry::Context {
    match context {
        Context::Resource => telemetry::Context::Resource,
        Context::Scope => telemetry::Context::Scope,
        Context::Span => telemetry::Context::Span,
        Context::SpanEvent => telemetry::Context::SpanEvent,
        Context::SpanLink => telemetry::Context::SpanLink,
        Context::Log => telemetry::Context::Log,
        Context::Metric => telemetry::Context::Metric,
        Context::DataPoint => telemetry::Context::DataPoint,
    }
}

/// A pool that remembers which texts a plugin may read.
#[derive(Default)]
struct Pool {
    indices: HashMap<Vec<u8>, u32>,
    texts: Vec<(Vec<u8>, bool)>,
}

impl Pool {
    fn intern(&mut self, text: &[u8], readable: bool) -> u32 {
        let index = *self.indices.entry(text.to_vec()).or_insert_with(|| {
            self.texts.push((text.to_vec(), false));
            self.texts.len() as u32 - 1
        });
        self.texts[index as usize].1 |= readable;
        index
    }

    fn optional(&mut self, text: &str) -> u32 {
        if text.is_empty() {
            crate::ABSENT
        } else {
            self.intern(text.as_bytes(), true)
        }
    }

    fn cell(&mut self, value: Option<&Attr>, readable: bool) -> (u8, u64) {
        let Some(attr) = value else { return (0, 0) };
        let mut cell = (0, 0);
        attr.with_value(&mut |value| {
            cell = match value {
                Value::Absent => (0, 0),
                Value::Empty => (8, 0),
                Value::Text(text) => (1, self.intern(text.as_bytes(), readable).into()),
                Value::Bool(flag) => (2, flag.into()),
                Value::Int(number) => (3, number as u64),
                Value::Double(number) => (4, number.to_bits()),
                Value::Bytes(bytes) => (5, self.intern(bytes, readable).into()),
                Value::Array(bytes) => (6, self.intern(bytes, readable).into()),
                Value::Map(bytes) => (7, self.intern(bytes, readable).into()),
            }
        });
        cell
    }

    /// The pool as the plugin gets it: what it may not read has length zero.
    fn wire(&self) -> telemetry::TextPool {
        let mut pool = telemetry::TextPool {
            ends: Vec::new(),
            bytes: Vec::new(),
        };
        for (text, readable) in &self.texts {
            if *readable {
                pool.bytes.extend(text);
            }
            pool.ends.push(pool.bytes.len() as u32);
        }
        pool
    }
}

/// The batch of a contract, and the texts of its pool; none for those that the plugin may not read.
pub(super) fn batch(
    flat: &mut Flat,
    reads: &[String],
    writes: &[String],
) -> (telemetry::Batch, Vec<Option<Vec<u8>>>) {
    let mut pool = Pool::default();
    // A host's pool is the pipeline's: other plugins' texts stand in it too.
    for context in CONTEXTS {
        for row in 0..flat.rows(context) {
            for (key, value) in flat.attributes(context, row).clone() {
                pool.intern(key.as_bytes(), false);
                pool.cell(Some(&value), false);
            }
        }
    }
    let named: Vec<Context> = reads
        .iter()
        .chain(writes)
        .filter_map(|path| context_of(path))
        .collect();
    let present = |context: Context| {
        context == Context::Span
            || named.contains(&context)
            || named.iter().any(|&named| {
                std::iter::successors(named.parent(), |above| above.parent())
                    .any(|above| above == context)
            })
            || matches!(context, Context::Resource | Context::Scope)
    };
    let tables = CONTEXTS
        .into_iter()
        .filter(|&context| present(context))
        .map(|context| telemetry::Table {
            context: wire_context(context),
            rows: flat.rows(context) as u32,
            parents: flat.parents(context),
            columns: reads
                .iter()
                .filter(|path| context_of(path) == Some(context))
                .map(|path| column(flat, &mut pool, context, path))
                .collect(),
        })
        .collect();
    let batch = telemetry::Batch {
        signal: telemetry::Signal::Traces,
        received_unix_nano: flat.received_unix_nano,
        texts: pool.wire(),
        tables,
    };
    (
        batch,
        pool.texts
            .into_iter()
            .map(|(text, readable)| readable.then_some(text))
            .collect(),
    )
}

fn column(flat: &mut Flat, pool: &mut Pool, context: Context, path: &str) -> telemetry::Column {
    let field = &path[context.prefix().len() + 1..];
    if let Some(key) = attribute_key(path) {
        return attribute(flat, pool, context, &key);
    }
    if field == "attributes" {
        return attributes(flat, pool, context);
    }
    scalar(flat, pool, context, field)
        .unwrap_or_else(|| panic!("{path} is no field of the contract's table of paths"))
}

fn attribute(flat: &mut Flat, pool: &mut Pool, context: Context, key: &str) -> telemetry::Column {
    let (mut kinds, mut bits) = (Vec::new(), Vec::new());
    for row in 0..flat.rows(context) {
        let list: &AttrList = flat.attributes(context, row);
        let (kind, value) = pool.cell(find(list, key), true);
        kinds.push(kind);
        bits.push(value);
    }
    if kinds.iter().all(|&kind| kind < 2) {
        let index = |(&kind, &bits): (&u8, &u64)| {
            if kind == 1 {
                bits as u32
            } else {
                crate::ABSENT
            }
        };
        return telemetry::Column::Text(kinds.iter().zip(&bits).map(index).collect());
    }
    telemetry::Column::Cells(telemetry::Cells { kinds, bits })
}

fn attributes(flat: &mut Flat, pool: &mut Pool, context: Context) -> telemetry::Column {
    let mut list = telemetry::AttributeList {
        ends: Vec::new(),
        keys: Vec::new(),
        values: telemetry::Cells {
            kinds: Vec::new(),
            bits: Vec::new(),
        },
    };
    for row in 0..flat.rows(context) {
        for (key, value) in flat.attributes(context, row).iter() {
            list.keys.push(pool.intern(key.as_bytes(), true));
            let (kind, bits) = pool.cell(Some(value), true);
            list.values.kinds.push(kind);
            list.values.bits.push(bits);
        }
        list.ends.push(list.keys.len() as u32);
    }
    telemetry::Column::Attributes(list)
}

fn scalar(
    flat: &Flat,
    pool: &mut Pool,
    context: Context,
    field: &str,
) -> Option<telemetry::Column> {
    use telemetry::Column;
    macro_rules! rows {
        ($rows:expr, |$row:ident| $value:expr) => {
            $rows.iter().map(|$row| $value).collect()
        };
    }
    let id = |bytes: [u8; 8]| u64::from_be_bytes(bytes);
    let words = |bytes: [u8; 16]| {
        let id = u128::from_be_bytes(bytes);
        [(id >> 64) as u64, id as u64]
    };
    let (resources, scopes, spans) = (&flat.resources, &flat.scopes, &flat.spans);
    let (events, links) = (&flat.events, &flat.links);
    Some(match (context, field) {
        (Context::Resource, "dropped_attributes_count") => {
            Column::Narrow(rows!(resources, |row| row.dropped_attributes_count))
        }
        (Context::Resource, "schema_url") => {
            Column::Text(rows!(resources, |row| pool.optional(&row.schema_url)))
        }
        (Context::Scope, "name") => Column::Text(rows!(scopes, |row| pool.optional(&row.1.name))),
        (Context::Scope, "version") => {
            Column::Text(rows!(scopes, |row| pool.optional(&row.1.version)))
        }
        (Context::Scope, "dropped_attributes_count") => {
            Column::Narrow(rows!(scopes, |row| row.1.dropped_attributes_count))
        }
        (Context::Scope, "schema_url") => {
            Column::Text(rows!(scopes, |row| pool.optional(&row.1.schema_url)))
        }
        (Context::Span, "trace_id") => {
            Column::TraceId(spans.iter().flat_map(|row| words(row.1.trace_id)).collect())
        }
        (Context::Span, "span_id") => Column::Wide(rows!(spans, |row| id(row.1.span_id))),
        (Context::Span, "parent_span_id") => {
            Column::Wide(rows!(spans, |row| id(row.1.parent_span_id)))
        }
        (Context::Span, "trace_state") => {
            Column::Text(rows!(spans, |row| pool.optional(&row.1.trace_state)))
        }
        (Context::Span, "name") => Column::Text(rows!(spans, |row| pool.optional(&row.1.name))),
        (Context::Span, "status.message") => {
            Column::Text(rows!(spans, |row| pool.optional(&row.1.status_message)))
        }
        (Context::Span, "kind") => Column::Narrow(rows!(spans, |row| row.1.kind)),
        (Context::Span, "status.code") => Column::Narrow(rows!(spans, |row| row.1.status_code)),
        (Context::Span, "flags") => Column::Narrow(rows!(spans, |row| row.1.flags)),
        (Context::Span, "dropped_attributes_count") => {
            Column::Narrow(rows!(spans, |row| row.1.dropped_attributes_count))
        }
        (Context::Span, "dropped_events_count") => {
            Column::Narrow(rows!(spans, |row| row.1.dropped_events_count))
        }
        (Context::Span, "dropped_links_count") => {
            Column::Narrow(rows!(spans, |row| row.1.dropped_links_count))
        }
        (Context::Span, "start_time_unix_nano") => {
            Column::Wide(rows!(spans, |row| row.1.start_time_unix_nano))
        }
        (Context::Span, "end_time_unix_nano") => {
            Column::Wide(rows!(spans, |row| row.1.end_time_unix_nano))
        }
        (Context::SpanEvent, "name") => {
            Column::Text(rows!(events, |row| pool.optional(&row.1.name)))
        }
        (Context::SpanEvent, "time_unix_nano") => {
            Column::Wide(rows!(events, |row| row.1.time_unix_nano))
        }
        (Context::SpanEvent, "dropped_attributes_count") => {
            Column::Narrow(rows!(events, |row| row.1.dropped_attributes_count))
        }
        (Context::SpanLink, "trace_id") => {
            Column::TraceId(links.iter().flat_map(|row| words(row.1.trace_id)).collect())
        }
        (Context::SpanLink, "span_id") => Column::Wide(rows!(links, |row| id(row.1.span_id))),
        (Context::SpanLink, "trace_state") => {
            Column::Text(rows!(links, |row| pool.optional(&row.1.trace_state)))
        }
        (Context::SpanLink, "flags") => Column::Narrow(rows!(links, |row| row.1.flags)),
        (Context::SpanLink, "dropped_attributes_count") => {
            Column::Narrow(rows!(links, |row| row.1.dropped_attributes_count))
        }
        _ => return None,
    })
}
