//! Writes the new request.

use bytes::Bytes;

use super::fields::Fields;
use super::tree::{MetricNode, ScopeNode, Tree};
use crate::index::Entry;
use crate::request::Request;
use crate::schema::number;
use crate::wire::{DELIMITED, put_tag, put_varint, varint_len};

/// A request that was put together anew.
pub(crate) struct Regrouped {
    pub(crate) bytes: Bytes,
    /// For each of its items, the item's number in the request before.
    pub(crate) order: Vec<u32>,
}

/// How many bytes a message takes as a field.
fn field_len(number: u32, length: usize) -> usize {
    varint_len(u64::from(number) << 3) + varint_len(length as u64) + length
}

fn put_head(out: &mut Vec<u8>, number: u32, length: usize) {
    put_tag(out, number, DELIMITED);
    put_varint(out, length as u64);
}

/// A tree, and the request that it is made of.
struct Writer<'a> {
    tree: &'a Tree,
    request: &'a Request,
    scopes: &'a [Vec<u8>],
    metrics: &'a [Fields],
    /// The lengths of the messages around scopes, of metrics, and of what holds their points.
    scope_lengths: Vec<usize>,
    metric_lengths: Vec<(usize, usize)>,
    out: Vec<u8>,
    order: Vec<u32>,
}

/// Writes the request. Its scopes and metrics have the fields of those that they were made of.
pub(crate) fn write(
    tree: &Tree,
    request: &Request,
    scopes: &[Vec<u8>],
    metrics: &[Fields],
) -> Regrouped {
    let mut writer = Writer {
        tree,
        request,
        scopes,
        metrics,
        scope_lengths: Vec::with_capacity(tree.scopes.len()),
        metric_lengths: Vec::with_capacity(tree.metrics.len()),
        out: Vec::new(),
        order: Vec::with_capacity(request.item_count()),
    };
    writer.measure();
    writer.write();
    Regrouped {
        bytes: writer.out.into(),
        order: writer.order,
    }
}

impl Writer<'_> {
    fn items_len(&self, items: &[u32]) -> usize {
        let entries = items.iter().map(|item| self.entry(*item));
        entries.map(|it| (it.end - it.start) as usize).sum()
    }

    fn entry(&self, item: u32) -> Entry {
        let items = &self.request.index.items;
        items.get(item as usize).copied().unwrap_or_default()
    }

    /// Works lengths out, from the innermost messages outwards.
    fn measure(&mut self) {
        for metric in &self.tree.metrics {
            let Some(fields) = self.metrics.get(metric.of as usize) else {
                self.metric_lengths.push((0, 0));
                continue;
            };
            let data = fields.of_data.len() + self.items_len(&metric.points);
            let whole = match fields.has_data() {
                true => fields.own.len() + field_len(fields.data_number, data),
                false => fields.own.len(),
            };
            self.metric_lengths.push((whole, data));
        }
        for scope in &self.tree.scopes {
            let fields = self.scopes.get(scope.of as usize).map_or(0, Vec::len);
            let metrics = scope.metrics.iter();
            let metrics = metrics.map(|metric| field_len(number::ROWS, self.metric_len(*metric).0));
            let length = fields + metrics.sum::<usize>() + self.items_len(&scope.items);
            self.scope_lengths.push(length);
        }
    }

    fn metric_len(&self, metric: u32) -> (usize, usize) {
        let length = self.metric_lengths.get(metric as usize);
        length.copied().unwrap_or_default()
    }

    fn scope_len(&self, scope: u32) -> usize {
        let length = self.scope_lengths.get(scope as usize);
        length.copied().unwrap_or_default()
    }

    fn write(&mut self) {
        self.out.reserve(self.request.bytes.len());
        let tree = self.tree;
        for resource in &tree.resources {
            let scopes = resource.scopes.iter();
            let scopes = scopes.map(|scope| field_len(number::ROWS, self.scope_len(*scope)));
            let length = resource.fields.len() + scopes.sum::<usize>();
            put_head(&mut self.out, number::RESOURCES, length);
            self.out.extend_from_slice(&resource.fields);
            for &scope in &resource.scopes {
                if let Some(node) = tree.scopes.get(scope as usize) {
                    let length = self.scope_len(scope);
                    put_head(&mut self.out, number::ROWS, length);
                    self.scope(node);
                }
            }
        }
        // What else the request has.
        let bytes = &self.request.bytes;
        let mut at = 0;
        for group in &self.request.index.resources {
            let between = bytes.get(at..group.body.start as usize);
            self.out.extend_from_slice(between.unwrap_or(&[]));
            at = group.body.end as usize;
        }
        self.out.extend_from_slice(bytes.get(at..).unwrap_or(&[]));
    }

    fn scope(&mut self, scope: &ScopeNode) {
        if let Some(fields) = self.scopes.get(scope.of as usize) {
            self.out.extend_from_slice(fields);
        }
        self.items(&scope.items);
        let tree = self.tree;
        for &metric in &scope.metrics {
            if let Some(node) = tree.metrics.get(metric as usize) {
                let (whole, data) = self.metric_len(metric);
                put_head(&mut self.out, number::ROWS, whole);
                self.metric(node, data);
            }
        }
    }

    fn metric(&mut self, metric: &MetricNode, data: usize) {
        let Some(fields) = self.metrics.get(metric.of as usize) else {
            return;
        };
        self.out.extend_from_slice(&fields.own);
        if fields.has_data() {
            put_head(&mut self.out, fields.data_number, data);
            self.out.extend_from_slice(&fields.of_data);
            self.items(&metric.points);
        }
    }

    /// Copies items, as they stand, in runs of those that stand together.
    fn items(&mut self, items: &[u32]) {
        let bytes = &self.request.bytes;
        let mut run = 0..0;
        for &item in items {
            let entry = self.entry(item);
            let (start, end) = (entry.start as usize, entry.end as usize);
            if start != run.end {
                self.out.extend_from_slice(bytes.get(run).unwrap_or(&[]));
                run = start..start;
            }
            run.end = end;
        }
        self.out.extend_from_slice(bytes.get(run).unwrap_or(&[]));
        self.order.extend_from_slice(items);
    }
}
