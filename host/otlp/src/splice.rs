//! Writes what is left of a request: the original bytes, minus what was dropped, with patches in place
//! and the lengths around them put right.

use crate::batch::Joined;
use crate::extract::extract;
use crate::index::{Entry, Group, Request};
use crate::patch::Patches;
use crate::path::Context;
use crate::projection::Projection;
use crate::table::Table;
use crate::texts::Texts;
use crate::wire::{DELIMITED, Reader, put_tag, put_varint, varint_len};
use crate::workspace::Spliced;

/// A range of the request, and what stands there instead.
struct Cut {
    start: u32,
    /// Which of several cuts at one place comes first: the innermost insertion, then outer ones, then
    /// what begins here.
    rank: u8,
    end: u32,
    new: New,
}

/// What stands where something was cut out.
enum New {
    Nothing,
    /// A range of the arena.
    Arena(u32, u32),
    /// The tag of a message field of this number, and the message's length.
    Head(u32, u32),
}

impl Cut {
    fn order(&self) -> u64 {
        u64::from(self.start) << 8 | u64::from(self.rank)
    }
}

/// By how much each message's content grows.
struct Growth {
    rows: [Vec<i64>; 5],
}

impl Growth {
    fn add(&mut self, context: Context, row: u32, by: i64) {
        if let Some(slot) = self
            .rows
            .get_mut(context as usize)
            .and_then(|rows| rows.get_mut(row as usize))
        {
            *slot += by;
        }
    }

    fn of(&self, context: Context, row: u32) -> i64 {
        let rows = self.rows.get(context as usize);
        rows.and_then(|rows| rows.get(row as usize))
            .copied()
            .unwrap_or(0)
    }
}

pub(crate) struct Splice<'a> {
    pub(crate) request: &'a Request,
    pub(crate) tables: &'a [Table; 5],
    /// Which rows are dropped, a flag each.
    pub(crate) dropped: &'a [Vec<bool>; 5],
    pub(crate) patches: &'a mut Patches,
}

/// Cuts a request into requests of at most `max` spans each, in order.
pub(crate) fn split(request: &Request, max: usize) -> Vec<Spliced> {
    let total = request.span_count();
    let projection = Projection::default();
    let mut tables = Context::ALL.map(|context| Table::new(context, projection.context(context)));
    if extract(request, &projection, &mut tables, &mut Texts::default()).is_err() {
        return Vec::new();
    }
    let mut parts = Vec::new();
    for first in (0..total).step_by(max.max(1)) {
        let part = first..total.min(first + max.max(1));
        let mut dropped: [Vec<bool>; 5] = Default::default();
        if let Some(spans) = dropped.get_mut(Context::Span as usize) {
            *spans = (0..total).map(|row| !part.contains(&row)).collect();
        }
        let patches = &mut Patches::default();
        let mut joined = Joined::new(request.bytes.clone());
        Splice {
            request,
            tables: &tables,
            dropped: &dropped,
            patches,
        }
        .run(part.len(), &mut joined);
        parts.push(joined.finish());
    }
    parts
}

/// Where a row's flag says it is dropped.
fn is_dropped(dropped: &[Vec<bool>; 5], context: Context, row: u32) -> bool {
    let flags = dropped.get(context as usize);
    flags
        .and_then(|flags| flags.get(row as usize))
        .copied()
        .unwrap_or(false)
}

/// Whether rows were there and all of them are dropped.
fn is_emptied(dropped: &[Vec<bool>; 5], context: Context, group: &Group) -> bool {
    group.first < group.last
        && (group.first..group.last).all(|row| is_dropped(dropped, context, row))
}

impl Splice<'_> {
    /// Writes the new request, of so many spans, behind what is left of those before. `dropped` has no flag set for
    /// scopes and resources; those that are emptied go.
    pub(crate) fn run(mut self, left: usize, joined: &mut Joined) {
        let [resources, scopes, spans, events, links] = self.tables;
        let index = &self.request.index;
        let mut growth = Growth {
            rows: [resources, scopes, spans, events, links].map(|table| vec![0; table.rows()]),
        };
        for patch in &self.patches.list {
            let by = i64::from(patch.to - patch.from) - i64::from(patch.end - patch.start);
            growth.add(patch.context, patch.row, by);
        }
        // A patch each; of each row its length, and of resources and scopes that of what is around them.
        let rows: usize = growth.rows.iter().map(Vec::len).sum();
        let groups = index.resources.len() + index.scopes.len();
        let mut cuts = Vec::with_capacity(self.patches.list.len() + rows + groups);
        for table in [events, links] {
            self.nested(table, &mut growth, &mut cuts);
        }
        // What a scope's content grows by, beyond the scope message itself.
        let mut scope_growth = vec![0i64; index.scopes.len()];
        for ((row, entry), parent) in (0u32..).zip(&index.spans).zip(&spans.parents) {
            if let Some(total) = scope_growth.get_mut(*parent as usize) {
                *total += self.message(Context::Span, row, *entry, &growth, &mut cuts);
            }
        }
        let mut resource_growth = vec![0i64; index.resources.len()];
        let groups = (0u32..)
            .zip(&index.scopes)
            .zip(scope_growth)
            .zip(&scopes.parents);
        for (((row, group), inner), parent) in groups {
            let emptied = is_emptied(self.dropped, Context::Span, group);
            let by = self.group(
                Context::Scope,
                row,
                group,
                inner,
                emptied,
                &growth,
                &mut cuts,
            );
            if let Some(total) = resource_growth.get_mut(*parent as usize) {
                *total += by;
            }
        }
        let mut total = 0;
        for ((row, group), inner) in (0u32..).zip(&index.resources).zip(resource_growth) {
            let scopes = index
                .scopes
                .get(group.first as usize..group.last as usize)
                .unwrap_or(&[]);
            let emptied = !scopes.is_empty()
                && scopes
                    .iter()
                    .all(|scope| is_emptied(self.dropped, Context::Span, scope));
            total += self.group(
                Context::Resource,
                row,
                group,
                inner,
                emptied,
                &growth,
                &mut cuts,
            );
        }
        self.patch_cuts(&mut cuts);
        if cuts.is_empty() {
            return joined.keep(self.request);
        }
        // Stable, and fast where they are in order already, as those of one context are.
        cuts.sort_by_key(Cut::order);
        let length = self.request.bytes.len() as i64 + total;
        let length = usize::try_from(length).unwrap_or(0);
        let out = joined.change(self.request, length, left);
        write(&self.request.bytes, &self.patches.arena, &cuts, out);
    }

    /// Events or links: their own lengths, and what they add to their span.
    fn nested(&mut self, table: &Table, growth: &mut Growth, cuts: &mut Vec<Cut>) {
        for ((row, entry), parent) in (0u32..).zip(&table.entries).zip(&table.parents) {
            let by = if is_dropped(self.dropped, Context::Span, *parent) {
                0
            } else {
                self.message(table.context, row, *entry, growth, cuts)
            };
            growth.add(Context::Span, *parent, by);
        }
    }

    /// One message field: cut out if dropped, its length rewritten if its content grew. Gives what it
    /// adds to the message around it.
    fn message(
        &mut self,
        context: Context,
        row: u32,
        entry: Entry,
        growth: &Growth,
        cuts: &mut Vec<Cut>,
    ) -> i64 {
        if is_dropped(self.dropped, context, row) {
            let before = row.checked_sub(1);
            let joins = before.is_some_and(|before| is_dropped(self.dropped, context, before));
            match cuts.last_mut() {
                // Those that stand together go together.
                Some(last) if joins && last.end == entry.start => last.end = entry.end,
                _ => cuts.push(Cut {
                    start: entry.start,
                    rank: 4,
                    end: entry.end,
                    new: New::Nothing,
                }),
            }
            return i64::from(entry.start) - i64::from(entry.end);
        }
        match growth.of(context, row) {
            0 => 0,
            by => by + self.resize(entry, by, cuts),
        }
    }

    /// Rewrites a message's tag and length; gives by how much those grew.
    fn resize(&mut self, entry: Entry, by: i64, cuts: &mut Vec<Cut>) -> i64 {
        let length = (i64::from(entry.end - entry.body) + by).max(0) as u32;
        let missing = entry.start == entry.end;
        let number = match self.request.bytes.get(entry.start as usize) {
            _ if missing => 1,
            // Most tags are one byte.
            Some(&byte) if byte < 0x80 => u32::from(byte >> 3),
            _ => {
                let (start, body) = (entry.start as usize, entry.body as usize);
                let tag = Reader::new(&self.request.bytes, start, body).tag();
                tag.map_or(1, |(number, _)| number)
            }
        };
        cuts.push(Cut {
            start: entry.start,
            rank: if missing { 2 } else { 4 },
            end: entry.body,
            new: New::Head(number, length),
        });
        let head = varint_len(u64::from(number) << 3) + varint_len(u64::from(length));
        head as i64 - i64::from(entry.body - entry.start)
    }

    /// A `ResourceSpans` or `ScopeSpans`: its head, then itself.
    #[allow(clippy::too_many_arguments)]
    fn group(
        &mut self,
        context: Context,
        row: u32,
        group: &Group,
        inner: i64,
        emptied: bool,
        growth: &Growth,
        cuts: &mut Vec<Cut>,
    ) -> i64 {
        let whole = group.whole;
        if emptied {
            cuts.push(Cut {
                start: whole.start,
                rank: 4,
                end: whole.end,
                new: New::Nothing,
            });
            return i64::from(whole.start) - i64::from(whole.end);
        }
        let by = inner + self.message(context, row, group.head, growth, cuts);
        if by == 0 {
            0
        } else {
            by + self.resize(whole, by, cuts)
        }
    }

    /// The patches themselves, but for those inside something dropped.
    fn patch_cuts(&self, cuts: &mut Vec<Cut>) {
        let [_, _, _, events, links] = self.tables;
        for patch in &self.patches.list {
            let span_of = |table: &Table| {
                let span = table.parents.get(patch.row as usize).copied().unwrap_or(0);
                is_dropped(self.dropped, Context::Span, span)
            };
            let (gone, rank) = match patch.context {
                Context::SpanEvent => (span_of(events), 0),
                Context::SpanLink => (span_of(links), 0),
                Context::Span => (false, 1),
                Context::Scope | Context::Resource => (false, 3),
            };
            if gone || is_dropped(self.dropped, patch.context, patch.row) {
                continue;
            }
            cuts.push(Cut {
                start: patch.start,
                rank: if patch.start == patch.end { rank } else { 4 },
                end: patch.end,
                new: New::Arena(patch.from, patch.to),
            });
        }
    }
}

/// Copies the request around the cuts. A cut inside one that came before (a patch in a scope that is gone) is left out.
#[inline(never)]
fn write(bytes: &[u8], arena: &[u8], cuts: &[Cut], out: &mut Vec<u8>) {
    let mut at = 0u32;
    for cut in cuts {
        if cut.start < at || cut.end < at {
            continue;
        }
        out.extend_from_slice(bytes.get(at as usize..cut.start as usize).unwrap_or(&[]));
        match cut.new {
            New::Nothing => {}
            New::Arena(from, to) => {
                out.extend_from_slice(arena.get(from as usize..to as usize).unwrap_or(&[]));
            }
            New::Head(number, length) => {
                put_tag(out, number, DELIMITED);
                put_varint(out, u64::from(length));
            }
        }
        at = cut.end;
    }
    out.extend_from_slice(bytes.get(at as usize..).unwrap_or(&[]));
}
