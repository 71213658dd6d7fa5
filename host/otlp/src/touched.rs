//! Which items of a batch an outcome edits, for whoever keeps an account of it.

use spanmill_model::{Context, PerContext, Signal};

use crate::ABSENT;
use crate::alive::Alive;
use crate::attributes::row_of;
use crate::groups::Moves;
use crate::kind;
use crate::outcome::{Outcome, Replacement, Write};
use crate::path::{Path, Target};
use crate::projection::StagePlan;
use crate::row_set::RowSet;
use crate::stage::Scratch;
use crate::table::{Column, Data, Table};
use crate::texts::Texts;

/// The items whose fields, or whose resource's, scope's, events' or links' fields, an outcome writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// For each declared write that the outcome makes use of: its number, and the items.
    pub writes: Vec<(u32, RowSet)>,
    /// The items below which rows of a context were dropped.
    pub dropped_below: Vec<(Context, RowSet)>,
}

/// Reads a checked outcome, before it is applied.
pub(crate) struct Touches<'a> {
    pub(crate) signal: Signal,
    pub(crate) plan: &'a StagePlan,
    pub(crate) scratch: &'a Scratch,
    pub(crate) tables: &'a PerContext<Table>,
    pub(crate) alive: &'a PerContext<Alive>,
    pub(crate) texts: &'a Texts,
}

impl Touches<'_> {
    /// `moves` is where its groups have rows go.
    pub(crate) fn of(&self, outcome: &Outcome, moves: Option<&Moves>) -> Touched {
        // Flags of the rows of each field's context.
        let mut fields: Vec<(u32, Vec<bool>)> = Vec::new();
        let mut each = |field: u32, add: &dyn Fn(&Path, &mut Vec<bool>)| {
            let Some(path) = self.plan.contract.writes.get(field as usize) else {
                return;
            };
            let known = fields.iter().position(|(known, _)| *known == field);
            let at = known.unwrap_or_else(|| {
                let rows = self.tables.get(path.context).rows();
                fields.push((field, vec![false; rows]));
                fields.len() - 1
            });
            if let Some((_, rows)) = fields.get_mut(at) {
                add(path, rows);
            }
        };
        for write in &outcome.writes {
            each(write.field, &|path, flags| {
                self.written(path, write, outcome, flags)
            });
        }
        for append in &outcome.appends {
            each(append.field, &|path, flags| {
                let alive = self.alive.get(path.context);
                let rows = append.rows.iter();
                rows.for_each(|row| set(flags, alive.base(*row)));
            });
        }
        let by_entry = outcome.entry_writes.iter().map(|w| (w.field, &w.entries));
        let removals = outcome.removals.iter().map(|r| (r.field, &r.entries));
        for (field, entries) in by_entry.chain(removals) {
            each(field, &|path, flags| {
                self.entries(path.context, entries, flags);
            });
        }
        for replacement in &outcome.replacements {
            each(replacement.field, &|path, flags| {
                self.replaced(path, replacement, flags);
            });
        }
        let items = |(field, flags): (u32, Vec<bool>)| {
            let path = self.plan.contract.writes.get(field as usize)?;
            Some((field, self.items(path.context, &flags)))
        };
        let mut writes: Vec<(u32, RowSet)> = fields.into_iter().filter_map(items).collect();
        if let Some(moves) = moves {
            self.moved(moves, &mut writes);
        }
        Touched {
            writes: writes
                .into_iter()
                .filter(|(_, rows)| !rows.is_empty())
                .collect(),
            dropped_below: self.dropped_below(outcome),
        }
    }

    /// Adds the rows that go under other resources, as ones whose resource's attributes are written.
    fn moved(&self, moves: &Moves, writes: &mut Vec<(u32, RowSet)>) {
        let declared = self.plan.contract.writes.iter();
        let field = declared.zip(0u32..).find(|(path, _)| {
            path.context == Context::Resource && path.target == Target::Attributes
        });
        let Some((_, field)) = field else {
            return;
        };
        let known = writes.iter().position(|(known, _)| *known == field);
        let at = known.unwrap_or_else(|| {
            let rows = self.tables.get(self.signal.item()).rows();
            writes.push((field, RowSet::none(rows)));
            writes.len() - 1
        });
        if let Some((_, rows)) = writes.get_mut(at) {
            let groups = (0u32..).zip(&moves.of_row);
            let moved = groups.filter(|(_, group)| **group != ABSENT);
            moved.for_each(|(row, _)| rows.insert(row));
        }
    }

    /// Flags the rows that a write changes: not those that have the very value, or lack what is taken out.
    fn written(&self, path: &Path, write: &Write, outcome: &Outcome, flags: &mut [bool]) {
        let alive = self.alive.get(path.context);
        let table = self.tables.get(path.context);
        let count = match write.rows.len() {
            0 => alive.count(table),
            rows => rows,
        };
        let is_single = write.values.kinds.len() == 1;
        let key = match &path.target {
            Target::Attribute(key) => self.texts.find(key.as_bytes()),
            Target::Fixed(_) | Target::Attributes | Target::Request(_) => None,
        };
        let column = match &path.target {
            Target::Fixed(field) => table.column(field),
            Target::Attribute(_) | Target::Attributes | Target::Request(_) => None,
        };
        for at in 0..count {
            let row = write.rows.get(at).copied().unwrap_or(at as u32);
            let row = alive.base(row);
            let cell = if is_single { 0 } else { at };
            let kind = write.values.kinds.get(cell).copied();
            let bits = write.values.bits.get(cell).copied();
            let new = (kind.unwrap_or(kind::ABSENT), bits.unwrap_or(0));
            let before = match &path.target {
                Target::Fixed(_) => column.and_then(|column| fixed(column, row)),
                Target::Attribute(_) => attribute(table, key, row),
                Target::Attributes | Target::Request(_) => None,
            };
            if !before.is_some_and(|before| self.is_same(before, new, outcome)) {
                set(flags, row);
            }
        }
    }

    /// Whether a cell of the batch has the value of a cell of the outcome.
    fn is_same(&self, before: (u8, u64), new: (u8, u64), outcome: &Outcome) -> bool {
        match before.0 == new.0 && kind::is_pooled(new.0) {
            true => {
                let index = new.1 as u32;
                let new = match index.checked_sub(self.scratch.pool_len) {
                    None => Some(self.texts.get(index)),
                    Some(added) => added_text(outcome, added as usize),
                };
                new == Some(self.texts.get(before.1 as u32))
            }
            false => before.0 == kind::ABSENT && new.0 == kind::ABSENT || before == new,
        }
    }

    /// Flags the rows of some entries of a context's attribute list.
    fn entries(&self, context: Context, entries: &[u32], flags: &mut [bool]) {
        let Some(store) = &self.tables.get(context).attributes else {
            return;
        };
        let alive = self.alive.get(context);
        let mut last = 0;
        for &entry in entries {
            let (_, row) = self
                .scratch
                .base_entry(context, store, alive, entry, &mut last);
            set(flags, row);
        }
    }

    /// Flags the rows in which a text is replaced.
    fn replaced(&self, path: &Path, replacement: &Replacement, flags: &mut [bool]) {
        let mut is_old = vec![false; self.scratch.pool_len as usize];
        replacement
            .old
            .iter()
            .for_each(|&old| set(&mut is_old, old));
        let is_old = |kind: u8, bits: u64| {
            kind == kind::TEXT && is_old.get(bits as usize).copied().unwrap_or(false)
        };
        let table = self.tables.get(path.context);
        match &path.target {
            Target::Fixed(field) => {
                let Some(column) = table.column(field) else {
                    return;
                };
                let mut flag = |row: usize, is_old: bool| {
                    if is_old {
                        set(flags, row as u32);
                    }
                };
                match &column.data {
                    Data::Text(texts) => (texts.iter().enumerate())
                        .for_each(|(row, text)| flag(row, is_old(kind::TEXT, u64::from(*text)))),
                    Data::Cells(kinds, bits) => (kinds.iter().zip(bits).enumerate())
                        .for_each(|(row, (kind, bits))| flag(row, is_old(*kind, *bits))),
                    Data::Narrow(_) | Data::Wide(_) | Data::TraceId(_) => {}
                }
            }
            target => {
                let Some(store) = &table.attributes else {
                    return;
                };
                let key = match target {
                    Target::Attribute(key) => match self.texts.find(key.as_bytes()) {
                        None => return,
                        some => some,
                    },
                    _ => None,
                };
                let mut row = 0;
                let cells = store.kinds.iter().zip(&store.bits);
                for (entry, ((kind, bits), of)) in cells.zip(&store.keys).enumerate() {
                    if is_old(*kind, *bits) && key.is_none_or(|key| key == *of) {
                        row = row_of(&store.ends, entry as u32, row);
                        set(flags, row);
                    }
                }
            }
        }
    }

    /// The items that rows of a context belong to, of those that are left.
    fn items(&self, context: Context, flags: &[bool]) -> RowSet {
        let item = self.signal.item();
        let alive = self.alive.get(item);
        let is_set = |flags: &[bool], row: u32| flags.get(row as usize).copied().unwrap_or(false);
        let rows = self.tables.get(item).rows();
        let mut found = RowSet::none(rows);
        if context.parent() == Some(item) {
            let parents = self.tables.get(context).parents.iter();
            let parents = parents.zip(flags).filter(|(_, flag)| **flag);
            parents
                .filter(|(parent, _)| alive.has(**parent))
                .for_each(|(parent, _)| found.insert(*parent));
            return found;
        }
        for row in 0..alive.count(self.tables.get(item)) as u32 {
            let row = alive.base(row);
            // Upwards from the item to the context.
            let (mut at, mut of) = (item, row);
            while at != context {
                let Some(above) = at.parent() else {
                    break;
                };
                let parents = &self.tables.get(at).parents;
                of = parents.get(of as usize).copied().unwrap_or(ABSENT);
                at = above;
            }
            if at == context && is_set(flags, of) {
                found.insert(row);
            }
        }
        found
    }

    fn dropped_below(&self, outcome: &Outcome) -> Vec<(Context, RowSet)> {
        let item = self.signal.item();
        let below = outcome
            .verdicts
            .iter()
            .filter(|verdicts| verdicts.context.parent() == Some(item));
        let dropped = below.map(|verdicts| {
            let context = verdicts.context;
            let alive = self.alive.get(context);
            let mut flags = vec![false; self.tables.get(context).rows()];
            let rows = (0u32..).zip(&verdicts.rows);
            rows.filter(|(_, verdict)| **verdict != 0)
                .for_each(|(row, _)| set(&mut flags, alive.base(row)));
            (context, self.items(context, &flags))
        });
        dropped.filter(|(_, rows)| !rows.is_empty()).collect()
    }
}

/// The value of a row's attribute; `None` if it stands there twice, so that any write changes it.
fn attribute(table: &Table, key: Option<u32>, row: u32) -> Option<(u8, u64)> {
    let store = table.attributes.as_ref()?;
    let absent = Some((kind::ABSENT, 0));
    let Some(key) = key else {
        return absent;
    };
    let entries = store.entries(row);
    let keys = store.keys.get(entries.clone())?;
    let mut own = entries.zip(keys).filter(|(_, of)| **of == key);
    match (own.next(), own.next()) {
        (None, _) => absent,
        (Some((at, _)), None) => Some((*store.kinds.get(at)?, *store.bits.get(at)?)),
        (Some(_), Some(_)) => None,
    }
}

/// The value of a row's field.
fn fixed(column: &Column, row: u32) -> Option<(u8, u64)> {
    let row = row as usize;
    Some(match &column.data {
        Data::Narrow(values) => (kind::INT, u64::from(*values.get(row)?)),
        Data::Wide(values) => (kind::INT, *values.get(row)?),
        Data::Text(texts) => match *texts.get(row)? {
            ABSENT => (kind::ABSENT, 0),
            text => (kind::TEXT, u64::from(text)),
        },
        Data::Cells(kinds, bits) => (*kinds.get(row)?, *bits.get(row)?),
        Data::TraceId(_) => return None,
    })
}

/// A text that the outcome adds.
fn added_text(outcome: &Outcome, added: usize) -> Option<&[u8]> {
    let ends = &outcome.texts.ends;
    let start = match added.checked_sub(1) {
        None => 0,
        Some(before) => *ends.get(before)?,
    };
    outcome
        .texts
        .bytes
        .get(start as usize..*ends.get(added)? as usize)
}

fn set(flags: &mut [bool], row: u32) {
    if let Some(flag) = flags.get_mut(row as usize) {
        *flag = true;
    }
}
