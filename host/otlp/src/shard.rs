//! A request cut into several by where each item goes: every row of a trace to the same of them, for one.

use spanmill_model::{PerContext, Signal};

use crate::joined::Spliced;
use crate::request::Request;
use crate::schema::number;
use crate::wire::{DELIMITED, put_tag, put_varint, varint_len};

/// The shard, out of `shards`, that a trace belongs to. The same in every process and at all times.
pub fn shard_of(trace_id: u128, shards: usize) -> usize {
    // Random ids would do as they are, but some senders count theirs up, or keep half of them fixed.
    let folded = (trace_id >> 64) as u64 ^ trace_id as u64;
    let mixed = (folded ^ (folded >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    ((u128::from(mixed) * shards as u128) >> 64) as usize
}

/// How many bytes a message field takes, with a tag of one byte.
fn field_len(body: usize) -> usize {
    1 + varint_len(body as u64) + body
}

fn put_head(out: &mut Vec<u8>, number: u32, length: usize) {
    put_tag(out, number, DELIMITED);
    put_varint(out, length as u64);
}

/// The rows of one scope, or the scopes of one resource, in one shard.
#[derive(Clone, Copy, Default)]
struct Part {
    is_there: bool,
    /// Bytes of the message around them.
    length: usize,
}

impl Request {
    /// Cuts a request of spans or log records into one for each of `shards` shards (see [`shard_of`]), in order. Those
    /// without a trace id, and resources and scopes without rows, go to the first; so do metrics. A shard that gets nothing
    /// has an empty request, and one that gets everything the very bytes that came in.
    pub fn split_by_trace(&self, shards: usize) -> Vec<Spliced> {
        let shards = shards.max(1);
        let items = self.item_count();
        let targets: Vec<u32> = match self.signal() {
            Signal::Metrics => Vec::new(),
            _ if shards == 1 => Vec::new(),
            Signal::Traces | Signal::Logs => (0..items)
                .map(|item| match self.trace_id(item) {
                    0 => 0,
                    id => shard_of(id, shards) as u32,
                })
                .collect(),
        };
        self.split_by(&targets, shards)
    }

    /// Cuts a request into `parts` requests. `targets` has the part that each span, log record or data point goes to; an item
    /// without one, and resources, scopes and metrics without items, go to the first. A part that gets nothing is an empty
    /// request, and one that gets everything the very bytes that came in.
    pub fn split_by(&self, targets: &[u32], parts: usize) -> Vec<Spliced> {
        let mut all = vec![Spliced::default(); parts.max(1)];
        let items = self.item_count();
        let first = targets.first().copied().unwrap_or(0);
        let is_one = targets.iter().all(|&target| target == first);
        if is_one && (targets.len() == items || first == 0) {
            if let Some(part) = all.get_mut(first as usize) {
                *part = Spliced {
                    bytes: self.bytes.clone(),
                    items,
                };
            }
            return all;
        }
        if self.signal() == Signal::Metrics {
            for (number, part) in all.iter_mut().enumerate() {
                *part = self.points_of(targets, number);
            }
            return all;
        }
        let mut outs: Vec<(Vec<u8>, usize)> = vec![(Vec::new(), 0); all.len()];
        for (out, _) in &mut outs {
            out.reserve(self.bytes.len() / all.len() + self.bytes.len() / 8);
        }
        let mut writer = Writer {
            request: self,
            targets,
            outs: &mut outs,
            scopes: Vec::new(),
            fields: Vec::new(),
        };
        for resource in 0..self.index.resources.len() as u32 {
            writer.resource(resource);
        }
        for (part, (bytes, items)) in all.iter_mut().zip(outs) {
            let bytes = bytes.into();
            *part = Spliced { bytes, items };
        }
        all
    }

    /// The data points of one part, with what stands around them.
    fn points_of(&self, targets: &[u32], part: usize) -> Spliced {
        let mut dropped = match part {
            0 => PerContext::default(),
            _ => self.empty_groups(),
        };
        let is_elsewhere = |item| targets.get(item).map_or(0, |&target| target as usize) != part;
        let points: Vec<bool> = (0..self.item_count()).map(is_elsewhere).collect();
        let kept = points.iter().filter(|&&is_elsewhere| !is_elsewhere).count();
        if kept == 0 && part != 0 {
            return Spliced::default();
        }
        *dropped.get_mut(self.signal().item()) = points;
        self.without(&dropped, kept)
    }
}

/// Writes all shards in one pass.
struct Writer<'a> {
    request: &'a Request,
    /// The shard of each item.
    targets: &'a [u32],
    /// What each shard has so far, and how many items.
    outs: &'a mut [(Vec<u8>, usize)],
    /// For each scope of the resource at hand, what each shard gets of it.
    scopes: Vec<Part>,
    /// Memory for the fields around a resource or scope.
    fields: Vec<u8>,
}

impl Writer<'_> {
    fn resource(&mut self, resource: u32) {
        let index = &self.request.index;
        let Some(group) = index.resources.get(resource as usize) else {
            return;
        };
        let shards = self.outs.len();
        self.fields.clear();
        self.request.resource_fields(resource, &mut self.fields);
        let around = Part {
            is_there: false,
            length: self.fields.len(),
        };
        let mut resources = vec![around; shards];
        self.scopes.clear();
        self.scopes.resize(
            shards * (group.last - group.first) as usize,
            Part::default(),
        );
        let scopes = self.scopes.chunks_exact_mut(shards);
        for (scope, parts) in (group.first..group.last).zip(scopes) {
            measure(self.request, self.targets, scope, parts);
            for (resource, part) in resources.iter_mut().zip(parts) {
                if part.is_there {
                    resource.is_there = true;
                    resource.length += field_len(part.length);
                }
            }
        }
        // One without rows goes to the first.
        if !resources.iter().any(|part| part.is_there)
            && let Some(part) = resources.first_mut()
        {
            part.is_there = true;
        }
        for ((out, _), part) in self.outs.iter_mut().zip(&resources) {
            if part.is_there {
                put_head(out, number::RESOURCES, part.length);
                out.extend_from_slice(&self.fields);
            }
        }
        for at in 0..(group.last - group.first) {
            self.scope(group.first + at, at as usize * shards);
        }
    }

    /// Writes a scope, of which the parts begin at `first`.
    fn scope(&mut self, scope: u32, first: usize) {
        let index = &self.request.index;
        let Some(group) = index.scopes.get(scope as usize) else {
            return;
        };
        self.fields.clear();
        self.request.scope_fields(scope, &mut self.fields);
        let parts = self.scopes.get(first..).unwrap_or(&[]);
        for ((out, _), part) in self.outs.iter_mut().zip(parts) {
            if part.is_there {
                put_head(out, number::ROWS, part.length);
                out.extend_from_slice(&self.fields);
            }
        }
        let rows = group.first as usize..group.last as usize;
        let items = index.items.get(rows.clone()).unwrap_or(&[]);
        let targets = self.targets.get(rows).unwrap_or(&[]);
        for (entry, target) in items.iter().zip(targets) {
            let bytes = self
                .request
                .bytes
                .get(entry.start as usize..entry.end as usize);
            if let Some((out, items)) = self.outs.get_mut(*target as usize) {
                out.extend_from_slice(bytes.unwrap_or(&[]));
                *items += 1;
            }
        }
    }
}

/// Adds up what each shard gets of a scope.
fn measure(request: &Request, targets: &[u32], scope: u32, parts: &mut [Part]) {
    let index = &request.index;
    let Some(group) = index.scopes.get(scope as usize) else {
        return;
    };
    let rows = group.first as usize..group.last as usize;
    let items = index.items.get(rows.clone()).unwrap_or(&[]);
    let targets = targets.get(rows).unwrap_or(&[]);
    let mut all = 0;
    for (entry, target) in items.iter().zip(targets) {
        let length = (entry.end - entry.start) as usize;
        all += length;
        if let Some(part) = parts.get_mut(*target as usize) {
            part.is_there = true;
            part.length += length;
        }
    }
    if items.is_empty()
        && let Some(part) = parts.first_mut()
    {
        part.is_there = true;
    }
    let around = (group.body.end - group.body.body) as usize - all;
    for part in parts {
        part.length += around;
    }
}
