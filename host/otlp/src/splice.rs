//! Writes what is left of a request: the original bytes, minus what was dropped, with patches in place
//! and the lengths around them put right.

mod cut;
mod split;

use spanmill_model::{Context, PerContext};

use self::cut::{Cut, New, Rank, write};
use crate::index::{Entry, Group};
use crate::joined::Joined;
use crate::patch::{Owner, Patches};
use crate::request::Request;
use crate::schema::{Nesting, nesting};
use crate::table::Table;
use crate::wire::{Reader, varint_len};

pub(crate) struct Splice<'a> {
    pub(crate) request: &'a Request,
    /// Where events and links are, if anybody has looked.
    pub(crate) tables: Option<&'a PerContext<Table>>,
    /// Which rows are dropped, a flag each.
    pub(crate) dropped: &'a PerContext<Vec<bool>>,
    pub(crate) patches: &'a Patches,
    /// How many bytes of the batch the request stands for, if they are others than its own.
    pub(crate) came: Option<usize>,
}

/// By how many bytes the messages of each row grow: that with its own fields, and that with the rows below.
struct Growth {
    heads: PerContext<Vec<i64>>,
    bodies: PerContext<Vec<i64>>,
}

impl Growth {
    fn add(&mut self, owner: Owner, by: i64) {
        let rows = match owner.is_body {
            true => self.bodies.get_mut(owner.context),
            false => self.heads.get_mut(owner.context),
        };
        add(rows, owner.row, by);
    }
}

fn add(rows: &mut [i64], row: u32, by: i64) {
    if let Some(slot) = rows.get_mut(row as usize) {
        *slot += by;
    }
}

fn is_set(flags: &[bool], row: u32) -> bool {
    flags.get(row as usize).copied().unwrap_or(false)
}

fn growth_of(rows: &[i64], row: u32) -> i64 {
    rows.get(row as usize).copied().unwrap_or(0)
}

impl Splice<'_> {
    /// Appends the new request, which holds `left` items, to what is left of the parts before.
    pub(crate) fn run(self, left: usize, joined: &mut Joined) {
        let index = &self.request.index;
        let contexts = index.signal.contexts();
        let mut growth = Growth {
            heads: PerContext::new(|context| vec![0; self.rows(context)]),
            bodies: PerContext::new(|context| vec![0; index.groups(context).map_or(0, <[_]>::len)]),
        };
        for patch in &self.patches.list {
            let by = i64::from(patch.to - patch.from) - i64::from(patch.end - patch.start);
            growth.add(patch.owner, by);
        }
        let gone = self.gone();
        // A patch each; of each row its length, and of groups that of both messages.
        let rows = contexts
            .iter()
            .map(|context| growth.heads.get(*context).len() + growth.bodies.get(*context).len());
        let mut cuts = Vec::with_capacity(self.patches.list.len() + rows.sum::<usize>());
        let mut total = 0;
        // From the innermost rows outwards.
        for &context in contexts.iter().rev() {
            match index.groups(context) {
                Some(groups) => total = self.groups(context, groups, &gone, &mut growth, &mut cuts),
                None if context == index.signal.item() => {
                    self.items(context, &gone, &mut growth, &mut cuts);
                }
                None => self.below(context, &mut growth, &mut cuts),
            }
        }
        self.patch_cuts(&gone, &mut cuts);
        if cuts.is_empty() {
            return self.keep(joined);
        }
        let order = cut::in_order(&cuts);
        let length = self.request.bytes.len() as i64 + total;
        let length = usize::try_from(length).unwrap_or(0);
        let came = self.came.unwrap_or(self.request.bytes.len());
        let out = joined.change(came, length, left);
        let cuts = order.iter().filter_map(|&at| cuts.get(at as usize));
        write(&self.request.bytes, &self.patches.arena, cuts, out);
    }

    /// Appends the request as it is.
    pub(crate) fn keep(&self, joined: &mut Joined) {
        let (request, items) = (self.request, self.request.item_count());
        match self.came {
            None => joined.keep(request),
            Some(came) => {
                let out = joined.change(came, request.bytes.len(), items);
                out.extend_from_slice(&request.bytes);
            }
        }
    }

    /// How many rows of a context there are, as far as anybody knows.
    fn rows(&self, context: Context) -> usize {
        let index = &self.request.index;
        match index.groups(context) {
            Some(groups) => groups.len(),
            None if context == index.signal.item() => index.items.len(),
            None => self.tables.map_or(0, |tables| tables.get(context).rows()),
        }
    }

    /// Which resources, scopes and metrics go: those that were dropped, or had rows below that all go.
    fn gone(&self) -> PerContext<Vec<bool>> {
        let index = &self.request.index;
        let mut gone: PerContext<Vec<bool>> = PerContext::default();
        let mut below = None;
        for &context in index.signal.contexts().iter().rev() {
            let Some(groups) = index.groups(context) else {
                continue;
            };
            let dropped = self.dropped.get(context);
            let of_below = match below {
                None => self.dropped.get(index.signal.item()),
                Some(below) => gone.get(below),
            };
            let is_gone = |(row, group): (u32, &Group)| {
                let had_rows = group.first < group.last;
                is_set(dropped, row)
                    || (had_rows && (group.first..group.last).all(|row| is_set(of_below, row)))
            };
            let flags = (0u32..).zip(groups).map(is_gone).collect();
            *gone.get_mut(context) = flags;
            below = Some(context);
        }
        gone
    }

    /// Resources, scopes or metrics; returns by how many bytes the messages around them grow together.
    fn groups(
        &self,
        context: Context,
        groups: &[Group],
        gone: &PerContext<Vec<bool>>,
        growth: &mut Growth,
        cuts: &mut Vec<Cut>,
    ) -> i64 {
        let gone = gone.get(context);
        let heads = std::mem::take(growth.heads.get_mut(context));
        let bodies = std::mem::take(growth.bodies.get_mut(context));
        let above = context.parent().map(|parent| {
            let parents = self.request.index.groups(parent).unwrap_or(&[]);
            (parents, growth.bodies.get_mut(parent))
        });
        let mut grow = |row: u32| {
            let Some(group) = groups.get(row as usize) else {
                return 0;
            };
            let (head, body) = (growth_of(&heads, row), growth_of(&bodies, row));
            self.group(context, group, is_set(gone, row), (head, body), cuts)
        };
        let Some((parents, above)) = above else {
            return (0..groups.len() as u32).map(grow).sum();
        };
        for (parent, total) in parents.iter().zip(above) {
            for row in parent.first..parent.last {
                *total += grow(row);
            }
        }
        0
    }

    /// One resource, scope or metric; returns by how many bytes the message around it grows.
    fn group(
        &self,
        context: Context,
        group: &Group,
        is_gone: bool,
        (head, body): (i64, i64),
        cuts: &mut Vec<Cut>,
    ) -> i64 {
        let is_inside = nesting(context) == Nesting::Inside;
        if is_gone {
            return cut_out(if is_inside { group.head } else { group.body }, cuts);
        }
        match is_inside {
            true => {
                let body = self.grow(group.body, body, cuts);
                self.grow(group.head, head + body, cuts)
            }
            false => {
                let head = self.grow(group.head, head, cuts);
                self.grow(group.body, head + body, cuts)
            }
        }
    }

    /// Spans, log records or data points.
    fn items(
        &self,
        context: Context,
        gone: &PerContext<Vec<bool>>,
        growth: &mut Growth,
        cuts: &mut Vec<Cut>,
    ) {
        let index = &self.request.index;
        let Some((above, groups)) = context
            .parent()
            .and_then(|parent| Some((parent, index.groups(parent)?)))
        else {
            return;
        };
        let (gone, dropped) = (gone.get(above), self.dropped.get(context));
        let heads = growth.heads.get(context);
        let bodies = growth.bodies.get_mut(above);
        for ((row, group), total) in (0u32..).zip(groups).zip(bodies) {
            // What is below goes with it.
            if is_set(gone, row) {
                continue;
            }
            let rows = group.first as usize..group.last as usize;
            let entries = index.items.get(rows).unwrap_or(&[]);
            for (row, entry) in (group.first..).zip(entries) {
                *total += match is_set(dropped, row) {
                    true => cut_out(*entry, cuts),
                    false => self.grow(*entry, growth_of(heads, row), cuts),
                };
            }
        }
    }

    /// Events or links: their own lengths, and what they add to their span.
    fn below(&self, context: Context, growth: &mut Growth, cuts: &mut Vec<Cut>) {
        let (Some(tables), Some(above)) = (self.tables, context.parent()) else {
            return;
        };
        let (dropped, above_dropped) = (self.dropped.get(context), self.dropped.get(above));
        let heads = std::mem::take(growth.heads.get_mut(context));
        let totals = growth.heads.get_mut(above);
        let table = tables.get(context);
        for ((row, entry), parent) in (0u32..).zip(&table.entries).zip(&table.parents) {
            if is_set(above_dropped, *parent) {
                continue;
            }
            let by = match is_set(dropped, row) {
                true => cut_out(*entry, cuts),
                false => self.grow(*entry, growth_of(&heads, row), cuts),
            };
            add(totals, *parent, by);
        }
    }

    /// Rewrites a message's tag and length if its content grows; returns by how many bytes the message around it grows.
    fn grow(&self, entry: Entry, by: i64, cuts: &mut Vec<Cut>) -> i64 {
        if by == 0 {
            return 0;
        }
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
            rank: if missing {
                Rank::MissingHead
            } else {
                Rank::Begins
            },
            end: entry.body,
            new: New::Head(number, length),
        });
        let head = varint_len(u64::from(number) << 3) + varint_len(u64::from(length));
        by + head as i64 - i64::from(entry.body - entry.start)
    }

    /// The patches themselves, but for those inside something that goes.
    fn patch_cuts(&self, gone: &PerContext<Vec<bool>>, cuts: &mut Vec<Cut>) {
        let goes = |context: Context, row: u32| {
            is_set(self.dropped.get(context), row) || is_set(gone.get(context), row)
        };
        for patch in &self.patches.list {
            let Owner {
                context,
                row,
                is_body,
            } = patch.owner;
            let above = match context {
                Context::SpanEvent | Context::SpanLink | Context::DataPoint => {
                    let parents = self.tables.map(|tables| &tables.get(context).parents);
                    let parent = parents
                        .and_then(|parents| parents.get(row as usize))
                        .copied();
                    context.parent().zip(parent)
                }
                _ => None,
            };
            if goes(context, row) || above.is_some_and(|(above, row)| goes(above, row)) {
                continue;
            }
            let rank = match context {
                _ if patch.start != patch.end => Rank::Begins,
                Context::SpanEvent | Context::SpanLink | Context::DataPoint => Rank::Innermost,
                Context::Metric if is_body => Rank::Body,
                Context::Span | Context::Log | Context::Metric => Rank::Row,
                Context::Scope | Context::Resource => Rank::Head,
            };
            cuts.push(Cut {
                start: patch.start,
                rank,
                end: patch.end,
                new: New::Arena(patch.from, patch.to),
            });
        }
    }
}

/// Cuts out a message; returns by how many bytes the message around it grows.
fn cut_out(entry: Entry, cuts: &mut Vec<Cut>) -> i64 {
    match cuts.last_mut() {
        // Those that stand together go together.
        Some(last) if last.end == entry.start && matches!(last.new, New::Nothing) => {
            last.end = entry.end;
        }
        _ => cuts.push(Cut {
            start: entry.start,
            rank: Rank::Begins,
            end: entry.end,
            new: New::Nothing,
        }),
    }
    i64::from(entry.start) - i64::from(entry.end)
}
