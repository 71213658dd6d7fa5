//! Checks which rows a stage puts under other resources.

use spanmill_model::{Context, PerContext};

use crate::ABSENT;
use crate::alive::Alive;
use crate::answer_texts::AnswerTexts;
use crate::check::length;
use crate::index::Group;
use crate::kind;
use crate::outcome::{CellColumn, Groups, OutcomeError};
use crate::patch::{Encoded, Patches, put_key_value};
use crate::path::Target;
use crate::projection::StagePlan;
use crate::request::Request;
use crate::schema::attributes_number;
use crate::table::Table;

/// Checked groups: what resources get on top, encoded.
#[derive(Clone, Default)]
pub(crate) struct Moves {
    /// The group of each row as it came; [`ABSENT`] stays. Empty: nothing moves.
    pub(crate) of_row: Vec<u32>,
    /// Where the entries of each group end.
    ends: Vec<u32>,
    /// For each entry, where its key ends and where its `KeyValue` ends, tag included, in `bytes`: they come in turns.
    entries: Vec<(u32, u32)>,
    bytes: Vec<u8>,
}

/// An entry that a group puts on top of a resource.
#[derive(Clone, Copy)]
pub(crate) struct GroupEntry<'a> {
    pub(crate) key: &'a [u8],
    /// The `KeyValue` as a field of a resource.
    pub(crate) field: &'a [u8],
}

impl Moves {
    /// The group of a row; [`ABSENT`]: it stays.
    pub(crate) fn group_of(&self, row: u32) -> u32 {
        self.of_row.get(row as usize).copied().unwrap_or(ABSENT)
    }

    fn range(&self, group: u32) -> std::ops::Range<usize> {
        let before = (group as usize).checked_sub(1);
        let start = before.and_then(|before| self.ends.get(before)).copied();
        let end = self.ends.get(group as usize).copied().unwrap_or(0) as usize;
        (start.unwrap_or(0) as usize).min(end)..end
    }

    /// What a group's rows have on top.
    pub(crate) fn entries(&self, group: u32) -> impl Iterator<Item = GroupEntry<'_>> {
        self.range(group).filter_map(|at| {
            let before = at
                .checked_sub(1)
                .and_then(|before| self.entries.get(before));
            let start = before.map_or(0, |(_, end)| *end) as usize;
            let &(key_end, end) = self.entries.get(at)?;
            Some(GroupEntry {
                key: self.bytes.get(start..key_end as usize)?,
                field: self.bytes.get(key_end as usize..end as usize)?,
            })
        })
    }

    /// How many bytes a group adds to a resource.
    fn added(&self, group: u32) -> u64 {
        let end_of = |entry: Option<&(u32, u32)>| entry.map_or(0, |(_, end)| u64::from(*end));
        let range = self.range(group);
        let last = range.end.checked_sub(1).and_then(|at| self.entries.get(at));
        let before = range.start.checked_sub(1);
        let before = before.and_then(|at| self.entries.get(at));
        end_of(last).saturating_sub(end_of(before))
    }
}

/// Checks groups against the contract, before the outcome that they belong to is applied.
pub(crate) struct CheckGroups<'a> {
    pub(crate) plan: &'a StagePlan,
    pub(crate) request: &'a Request,
    pub(crate) tables: &'a PerContext<Table>,
    pub(crate) alive: &'a PerContext<Alive>,
    pub(crate) patches: &'a Patches,
    /// The texts that the groups refer to; what edits write is counted already.
    pub(crate) answer: AnswerTexts<'a>,
}

/// What rows that move may have repeated of their resources, scopes and metrics, whatever the batch has.
const REPEATED: u64 = 8 * 1024 * 1024;
/// How often the size of the batch may be added to that.
const REPEATED_OF_BATCH: u64 = 16;
/// What may be repeated at most.
const MOST_REPEATED: u64 = 64 * 1024 * 1024;

impl CheckGroups<'_> {
    /// Checks every rule that the WIT states.
    pub(crate) fn run(&self, groups: &Groups) -> Result<Moves, OutcomeError> {
        let is_declared = self
            .plan
            .contract
            .writes
            .iter()
            .any(|path| path.context == Context::Resource && path.target == Target::Attributes);
        if !is_declared {
            return Err(OutcomeError::GroupsUndeclared);
        }
        self.answer.pool()?;
        let mut moves = self.encoded(groups)?;
        self.rows(groups, &mut moves)?;
        if !moves.of_row.is_empty() {
            self.repeated(&moves)?;
        }
        Ok(moves)
    }

    /// The attributes of the groups.
    fn encoded(&self, groups: &Groups) -> Result<Moves, OutcomeError> {
        let Groups {
            ends, keys, values, ..
        } = groups;
        let last = ends.last().copied().unwrap_or(0) as usize;
        if !ends.is_sorted() || last != keys.len() {
            return Err(OutcomeError::Order("groups.attributes.ends"));
        }
        let CellColumn { kinds, bits } = values;
        length("groups.attributes.values", kinds.len(), keys.len())?;
        length("cells.bits", bits.len(), kinds.len())?;
        let number = attributes_number(Context::Resource, 0);
        let mut moves = Moves {
            ends: ends.clone(),
            entries: Vec::with_capacity(keys.len()),
            ..Moves::default()
        };
        for (&key, (&kind, &bits)) in keys.iter().zip(kinds.iter().zip(bits)) {
            if !(kind::ABSENT + 1..=kind::EMPTY).contains(&kind) {
                return Err(OutcomeError::Kind {
                    kind,
                    field: "resource.attributes".to_owned(),
                });
            }
            self.answer.text(kind::TEXT, key)?;
            self.answer.cell(kind, bits)?;
            let key = self.answer.bytes(key)?;
            let text = match kind::is_pooled(kind) {
                true => self.answer.bytes(bits as u32)?,
                false => &[],
            };
            moves.bytes.extend_from_slice(key);
            let key_end = moves.bytes.len() as u32;
            let value = Encoded { kind, bits, text };
            put_key_value(&mut moves.bytes, number, key, value);
            moves.entries.push((key_end, moves.bytes.len() as u32));
        }
        Ok(moves)
    }

    /// The group of each row, by its number in the batch.
    fn rows(&self, groups: &Groups, moves: &mut Moves) -> Result<(), OutcomeError> {
        if groups.of_each.is_empty() {
            return Ok(());
        }
        let item = self.request.signal().item();
        let (table, alive) = (self.tables.get(item), self.alive.get(item));
        length("groups.of-each", groups.of_each.len(), alive.count(table))?;
        let is_known = |group: u32| group == ABSENT || (group as usize) < groups.ends.len();
        if let Some(group) = groups.of_each.iter().find(|group| !is_known(**group)) {
            return Err(OutcomeError::Group {
                group: *group,
                groups: groups.ends.len(),
            });
        }
        moves.of_row.resize(table.rows(), ABSENT);
        for (row, &group) in (0u32..).zip(&groups.of_each) {
            if let Some(slot) = moves.of_row.get_mut(alive.base(row) as usize) {
                *slot = group;
            }
        }
        Ok(())
    }

    /// Fails if resources, scopes and metrics would be repeated so often that the batch grows beyond measure: a resource for
    /// each of its groups, and all that is around a row.
    fn repeated(&self, moves: &Moves) -> Result<(), OutcomeError> {
        let index = &self.request.index;
        let mut grown: PerContext<Vec<u64>> =
            PerContext::new(|context| vec![0; index.groups(context).map_or(0, <[_]>::len)]);
        for patch in &self.patches.list {
            let rows = grown.get_mut(patch.owner.context);
            if let Some(grown) = rows.get_mut(patch.owner.row as usize) {
                *grown = grown.saturating_add(u64::from(patch.to.saturating_sub(patch.from)));
            }
        }
        let grown_of = |context: Context, row: usize| grown.get(context).get(row).copied();
        let mut total = 0u64;
        let contexts = index.signal.contexts();
        for &context in contexts {
            let Some(groups) = index.groups(context) else {
                continue;
            };
            // The last row of the context that a group's rows were seen below.
            let mut seen: Vec<u32> = vec![ABSENT; moves.ends.len()];
            for (row, group) in groups.iter().enumerate() {
                let own = around(self.request, context, group);
                let own = own.saturating_add(grown_of(context, row).unwrap_or(0));
                for item in items_below(self.request, context, group) {
                    let of = moves.group_of(item);
                    let Some(seen) = seen
                        .get_mut(of as usize)
                        .filter(|seen| **seen != row as u32)
                    else {
                        continue;
                    };
                    *seen = row as u32;
                    let added = match context {
                        Context::Resource => moves.added(of),
                        _ => 0,
                    };
                    total = total.saturating_add(own).saturating_add(added);
                }
            }
        }
        let of_batch = (self.request.bytes.len() as u64).saturating_mul(REPEATED_OF_BATCH);
        let limit = REPEATED.saturating_add(of_batch).min(MOST_REPEATED);
        match total <= limit {
            true => Ok(()),
            false => Err(OutcomeError::Repeated {
                limit_mib: limit >> 20,
            }),
        }
    }
}

/// How many bytes the message of a resource, scope or metric has, and that around it, without the rows below.
fn around(request: &Request, context: Context, group: &Group) -> u64 {
    let index = &request.index;
    let message = match context {
        Context::Metric => group.head,
        _ => group.body,
    };
    let rows = group.first as usize..group.last as usize;
    let size = |start: u32, end: u32| u64::from(end.saturating_sub(start));
    let below: u64 = match context {
        Context::Resource => {
            let scopes = index.scopes.get(rows).unwrap_or(&[]).iter();
            scopes.map(|it| size(it.body.start, it.body.end)).sum()
        }
        Context::Scope if !index.metrics.is_empty() => {
            let metrics = index.metrics.get(rows).unwrap_or(&[]).iter();
            metrics.map(|it| size(it.head.start, it.head.end)).sum()
        }
        _ => {
            let items = index.items.get(rows).unwrap_or(&[]).iter();
            items.map(|it| size(it.start, it.end)).sum()
        }
    };
    size(message.start, message.end).saturating_sub(below)
}

/// The spans, log records or data points below a resource, scope or metric.
fn items_below(request: &Request, context: Context, group: &Group) -> std::ops::Range<u32> {
    let index = &request.index;
    let ends = |groups: &[Group], range: &std::ops::Range<u32>| {
        let rows = groups.get(range.start as usize..range.end as usize);
        let rows = rows.unwrap_or(&[]);
        let first = rows.first().map_or(0, |it| it.first);
        first..rows.last().map_or(first, |it| it.last)
    };
    let mut range = group.first..group.last;
    if context == Context::Resource {
        range = ends(&index.scopes, &range);
    }
    let has_metrics = index.signal.contexts().contains(&Context::Metric);
    if has_metrics && context != Context::Metric {
        range = ends(&index.metrics, &range);
    }
    range
}
