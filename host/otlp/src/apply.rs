//! Applies a checked outcome, in the order that the WIT states.

use spanmill_model::PerContext;

use crate::ABSENT;
use crate::alive::Alive;
use crate::edit::{Editor, Encoder, ListEdits, attribute_numbers};
use crate::kind;
use crate::outcome::{CellColumn, Outcome, Replacement};
use crate::patch::Patches;
use crate::path::Path;
use crate::projection::{Projection, StagePlan};
use crate::request::Request;
use crate::stage::Scratch;
use crate::table::Table;
use crate::texts::Texts;
use crate::wire::Flaw;

pub(crate) struct Apply<'a> {
    pub(crate) request: &'a Request,
    pub(crate) projection: &'a Projection,
    pub(crate) plan: &'a StagePlan,
    pub(crate) scratch: &'a Scratch,
    pub(crate) tables: &'a mut PerContext<Table>,
    pub(crate) alive: &'a PerContext<Alive>,
    pub(crate) texts: &'a mut Texts,
    pub(crate) patches: &'a mut Patches,
    pub(crate) lists: PerContext<ListEdits>,
    pub(crate) encoder: Encoder,
}

impl Apply<'_> {
    /// Applies everything but verdicts.
    pub(crate) fn edits(&mut self, outcome: &Outcome) -> Result<(), Flaw> {
        let added = self.add_texts(outcome);
        let pool_len = self.scratch.pool_len;
        let resolve = |index: u32| match index.checked_sub(pool_len) {
            None => index,
            Some(new) => added.get(new as usize).copied().unwrap_or(ABSENT),
        };
        let cell = |values: &CellColumn, at: usize| -> (u8, u64) {
            let kind = values.kinds.get(at).copied().unwrap_or(kind::ABSENT);
            let bits = values.bits.get(at).copied().unwrap_or(0);
            if kind::is_pooled(kind) {
                (kind, u64::from(resolve(bits as u32)))
            } else {
                (kind, bits)
            }
        };
        let mut replaced: Vec<u32> = Vec::new();
        let some = |replacement: &&Replacement| !replacement.old.is_empty();
        for replacement in outcome.replacements.iter().filter(some) {
            let Some((path, mut editor)) = self.editor(replacement.field) else {
                continue;
            };
            replaced.clear();
            replaced.resize(pool_len as usize, ABSENT);
            for (&old, &new) in replacement.old.iter().zip(&replacement.new) {
                if let Some(slot) = replaced.get_mut(old as usize) {
                    *slot = resolve(new);
                }
            }
            editor.replace(&path.target, &replaced)?;
        }
        for write in &outcome.entry_writes {
            let scratch = self.scratch;
            let Some((path, mut editor)) = self.editor(write.field) else {
                continue;
            };
            let mut last = 0;
            for (at, &entry) in write.entries.iter().enumerate() {
                let Some(store) = &editor.table.attributes else {
                    break;
                };
                let (entry, row) =
                    scratch.base_entry(path.context, store, editor.alive, entry, &mut last);
                editor.set_entry(entry, row, cell(&write.values, at))?;
            }
        }
        for removal in &outcome.removals {
            let scratch = self.scratch;
            let Some((path, mut editor)) = self.editor(removal.field) else {
                continue;
            };
            let mut last = 0;
            for &entry in &removal.entries {
                let Some(store) = &editor.table.attributes else {
                    break;
                };
                let (entry, row) =
                    scratch.base_entry(path.context, store, editor.alive, entry, &mut last);
                editor.remove_entry(entry, row);
            }
        }
        // From here on entries have other numbers.
        self.settle();
        let mut written: Vec<u32> = Vec::new();
        for write in &outcome.writes {
            // A second write of an attribute must find what the first one added.
            if written.contains(&write.field) {
                self.settle();
                written.clear();
            }
            written.push(write.field);
            let Some((path, mut editor)) = self.editor(write.field) else {
                continue;
            };
            let single = write.values.kinds.len() == 1;
            let named = match write.rows.len() {
                0 => editor.alive.count(editor.table),
                rows => rows,
            };
            let alive = editor.alive;
            let cells = (0..named).map(|at| {
                let row = write.rows.get(at).copied().unwrap_or(at as u32);
                let value = cell(&write.values, if single { 0 } else { at });
                (alive.base(row), value)
            });
            editor.write(&path.target, cells)?;
        }
        for append in &outcome.appends {
            let Some((_, mut editor)) = self.editor(append.field) else {
                continue;
            };
            for (at, (&row, &key)) in append.rows.iter().zip(&append.keys).enumerate() {
                editor.append(
                    editor.alive.base(row),
                    resolve(key),
                    cell(&append.values, at),
                )?;
            }
        }
        self.settle();
        Ok(())
    }

    /// Brings the lists up to date: removed entries go, and new ones come in.
    fn settle(&mut self) {
        for (context, lists) in self.lists.iter_mut() {
            if let Some(store) = &mut self.tables.get_mut(context).attributes {
                lists.settle(store);
            }
        }
    }

    fn add_texts(&mut self, outcome: &Outcome) -> Vec<u32> {
        let pool = &outcome.texts;
        let mut start = 0;
        let mut added = Vec::with_capacity(pool.ends.len());
        for &end in &pool.ends {
            let from = pool.bytes.get(start as usize..).unwrap_or(&[]);
            added.push(self.texts.intern_from(from, (end - start) as usize, 0));
            start = end;
        }
        added
    }

    fn editor(&mut self, field: u32) -> Option<(&Path, Editor<'_>)> {
        let path = self.plan.contract.writes.get(field as usize)?;
        let context = path.context;
        let editor = Editor {
            bytes: &self.request.bytes,
            context,
            groups: self.request.index.groups(context).unwrap_or(&[]),
            table: self.tables.get_mut(context),
            alive: self.alive.get(context),
            attributes: self.projection.context(context).attributes.as_ref(),
            texts: self.texts,
            patches: self.patches,
            numbers: attribute_numbers(context),
            encoder: &mut self.encoder,
            lists: self.lists.get_mut(context),
        };
        Some((path, editor))
    }
}
