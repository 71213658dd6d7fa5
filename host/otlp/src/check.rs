//! Checks an outcome against the contract before any of it is applied.

use std::cell::Cell;
use std::collections::HashMap;

use spanmill_model::{Context, PerContext, Shape, Signal};

use crate::alive::Alive;
use crate::answer_texts::{AnswerTexts, MAX_WRITTEN};
use crate::kind;
use crate::outcome::{CellColumn, Outcome, OutcomeError, Replacement};
use crate::path::{Path, Target};
use crate::projection::StagePlan;
use crate::stage::Scratch;
use crate::table::{Data, Table};

type Checked = Result<(), OutcomeError>;

/// The verdict that keeps a row in the host.
pub(crate) const HOLD: u8 = 2;

pub(crate) struct Check<'a> {
    pub(crate) plan: &'a StagePlan,
    pub(crate) signal: Signal,
    pub(crate) scratch: &'a Scratch,
    pub(crate) tables: &'a PerContext<Table>,
    pub(crate) alive: &'a PerContext<Alive>,
    pub(crate) outcome: &'a Outcome,
    /// The texts it refers to; what the edits of earlier stages write is counted already.
    pub(crate) answer: AnswerTexts<'a>,
    /// How many rows, entries and texts are gone through to apply the lists checked so far.
    pub(crate) steps: Cell<u64>,
}

/// Limit on the rows, entries and texts that are gone through to apply an outcome, whose every list may go through all of
/// them: about a second's work. A small answer can have many lists.
const MAX_STEPS: u64 = 1 << 30;

/// Fails unless a list has the right length.
pub(crate) fn length(what: &'static str, got: usize, want: usize) -> Checked {
    if got == want {
        Ok(())
    } else {
        Err(OutcomeError::Length { what, got, want })
    }
}

/// Fails unless numbers are below a bound and in order: strictly, or never decreasing.
fn ordered(what: &'static str, numbers: &[u32], bound: usize, strictly: bool) -> Checked {
    let sorted = if strictly {
        numbers.is_sorted_by(|a, b| a < b)
    } else {
        numbers.is_sorted()
    };
    let within = numbers.last().is_none_or(|&last| (last as usize) < bound);
    if sorted && within {
        Ok(())
    } else {
        Err(OutcomeError::Order(what))
    }
}

impl Check<'_> {
    /// Checks every rule that the WIT states.
    pub(crate) fn run(&self) -> Checked {
        self.answer.pool()?;
        self.verdicts()?;
        for write in &self.outcome.writes {
            let path = self.field(write.field)?;
            if path.target == Target::Attributes {
                return Err(misfit("a write by row", path));
            }
            let rows = self.rows(path.context);
            ordered("write.rows", &write.rows, rows, true)?;
            let named = if write.rows.is_empty() {
                rows
            } else {
                write.rows.len()
            };
            let before = self.answer.written.get();
            self.cells(&write.values, path)?;
            match write.values.kinds.len() {
                1 => self
                    .answer
                    .charge(self.answer.written.get() - before, named.saturating_sub(1))?,
                given => length("write.values", given, named)?,
            }
            if let Target::Attribute(key) = &path.target {
                self.walk(path.context, 0)?;
                self.answer.charge(key.len() as u64, named)?;
            }
        }
        for write in &self.outcome.entry_writes {
            let path = self.list("an entry write", write.field)?;
            ordered(
                "entry-write.entries",
                &write.entries,
                self.entries(path.context),
                true,
            )?;
            length(
                "entry-write.values",
                write.values.kinds.len(),
                write.entries.len(),
            )?;
            self.present(&write.values, path)?;
        }
        for replacement in &self.outcome.replacements {
            let path = self.field(replacement.field)?;
            if matches!(&path.target, Target::Fixed(field) if !matches!(field.shape, Shape::Text | Shape::Value))
            {
                return Err(misfit("a replacement", path));
            }
            self.read("a replacement", path)?;
            self.walk(path.context, self.answer.texts.len())?;
            length(
                "replacement.new",
                replacement.new.len(),
                replacement.old.len(),
            )?;
            for &old in &replacement.old {
                if !self.answer.texts.may_read(old, self.plan.bit) {
                    return Err(OutcomeError::Text(old));
                }
            }
            let mut sorted = replacement.old.clone();
            sorted.sort_unstable();
            ordered("replacement.old", &sorted, self.answer.texts.len(), true)?;
            let mut longest = 0;
            for &new in &replacement.new {
                self.answer.text(kind::TEXT, new)?;
                longest = longest.max(self.answer.bytes(new)?.len() as u64);
            }
            let most = self.rows(path.context).max(self.entries(path.context));
            // An upper bound will do where it is small.
            match longest.saturating_mul(most as u64) > MAX_WRITTEN / 64 {
                true => self.answer.charge(self.replaced(replacement, path)?, 1)?,
                false => self.answer.charge(longest, most)?,
            }
        }
        for removal in &self.outcome.removals {
            let path = self.list("a removal", removal.field)?;
            ordered(
                "removal.entries",
                &removal.entries,
                self.entries(path.context),
                true,
            )?;
        }
        for append in &self.outcome.appends {
            let path = self.field(append.field)?;
            if path.target != Target::Attributes {
                return Err(misfit("an append", path));
            }
            self.walk(path.context, 0)?;
            ordered("append.rows", &append.rows, self.rows(path.context), false)?;
            length("append.keys", append.keys.len(), append.rows.len())?;
            length(
                "append.values",
                append.values.kinds.len(),
                append.rows.len(),
            )?;
            for &key in &append.keys {
                self.answer.text(kind::TEXT, key)?;
            }
            self.present(&append.values, path)?;
        }
        Ok(())
    }

    /// Counts a list of edits that goes through every row and entry of a context to be applied.
    fn walk(&self, context: Context, texts: usize) -> Checked {
        let table = self.tables.get(context);
        let entries = table
            .attributes
            .as_ref()
            .map_or(0, |store| store.keys.len());
        let steps = (table.rows() + entries + texts) as u64;
        let steps = self.steps.get().saturating_add(steps);
        self.steps.set(steps);
        match steps <= MAX_STEPS {
            true => Ok(()),
            false => Err(OutcomeError::Pieces),
        }
    }

    /// How many bytes a replacement writes.
    fn replaced(&self, replacement: &Replacement, path: &Path) -> Result<u64, OutcomeError> {
        let mut lengths = HashMap::new();
        for (&old, &new) in replacement.old.iter().zip(&replacement.new) {
            lengths.insert(old, self.answer.bytes(new)?.len() as u64);
        }
        let length = |index: u32| lengths.get(&index).copied().unwrap_or(0);
        let table = self.tables.get(path.context);
        let of_cells = |kinds: &[u8], bits: &[u64]| {
            let texts = kinds
                .iter()
                .zip(bits)
                .filter(|(kind, _)| **kind == kind::TEXT);
            texts.map(|(_, &bits)| length(bits as u32)).sum()
        };
        Ok(match (&path.target, &table.attributes) {
            (Target::Fixed(field), _) => match table.column(field).map(|column| &column.data) {
                Some(Data::Text(indices)) => indices.iter().map(|&index| length(index)).sum(),
                Some(Data::Cells(kinds, bits)) => of_cells(kinds, bits),
                _ => 0,
            },
            (_, Some(store)) => of_cells(&store.kinds, &store.bits),
            (_, None) => 0,
        })
    }

    fn verdicts(&self) -> Checked {
        let mut seen = Vec::new();
        for verdicts in &self.outcome.verdicts {
            let context = verdicts.context;
            let is_shown =
                self.signal.contexts().contains(&context) && *self.plan.tables.get(context);
            if !context.takes_verdicts() || !is_shown {
                return Err(OutcomeError::VerdictContext(context.prefix()));
            }
            if seen.contains(&context) {
                return Err(OutcomeError::VerdictsTwice);
            }
            seen.push(context);
            if !verdicts.rows.is_empty() {
                length("verdicts.rows", verdicts.rows.len(), self.rows(context))?;
            }
            if let Some(verdict) = verdicts.rows.iter().find(|&&verdict| verdict > HOLD) {
                return Err(OutcomeError::Verdict(*verdict));
            }
            if verdicts.rows.contains(&HOLD) {
                self.holds(context, &verdicts.rows)?;
            }
        }
        Ok(())
    }

    /// Fails unless the stage may hold rows, and those that it holds have a trace id.
    fn holds(&self, context: Context, verdicts: &[u8]) -> Checked {
        if !self.plan.contract.may_hold {
            return Err(OutcomeError::Hold);
        }
        if !matches!(context, Context::Span | Context::Log) {
            return Err(OutcomeError::HoldContext(context.prefix()));
        }
        let (table, alive) = (self.tables.get(context), self.alive.get(context));
        let held = (0u32..)
            .zip(verdicts)
            .filter(|(_, verdict)| **verdict == HOLD);
        for (row, _) in held {
            if table.trace_id(alive.base(row)).unwrap_or(0) == 0 {
                return Err(OutcomeError::HoldTrace(row));
            }
        }
        Ok(())
    }

    fn field(&self, field: u32) -> Result<&Path, OutcomeError> {
        let writes = &self.plan.contract.writes;
        writes
            .get(field as usize)
            .ok_or(OutcomeError::Undeclared(field))
    }

    /// A field that must be a whole list, and read.
    fn list(&self, edit: &'static str, field: u32) -> Result<&Path, OutcomeError> {
        let path = self.field(field)?;
        if path.target != Target::Attributes {
            return Err(misfit(edit, path));
        }
        self.read(edit, path)?;
        Ok(path)
    }

    fn read(&self, edit: &'static str, path: &Path) -> Checked {
        if self
            .plan
            .contract
            .reads
            .iter()
            .any(|read| read.covers(path))
        {
            Ok(())
        } else {
            Err(OutcomeError::Unread {
                edit,
                field: path.to_string(),
            })
        }
    }

    fn rows(&self, context: Context) -> usize {
        self.alive.get(context).count(self.tables.get(context))
    }

    fn entries(&self, context: Context) -> usize {
        let (table, alive) = (self.tables.get(context), self.alive.get(context));
        self.scratch.entries_shown(context, table, alive)
    }

    fn present(&self, values: &CellColumn, path: &Path) -> Checked {
        if values.kinds.contains(&kind::ABSENT) {
            return Err(OutcomeError::Kind {
                kind: kind::ABSENT,
                field: path.to_string(),
            });
        }
        self.cells(values, path)
    }

    fn cells(&self, values: &CellColumn, path: &Path) -> Checked {
        length("cells.bits", values.bits.len(), values.kinds.len())?;
        let shape = match &path.target {
            Target::Fixed(field) => Some(field.shape),
            Target::Attributes | Target::Attribute(_) | Target::Request(_) => None,
        };
        for (&kind, &bits) in values.kinds.iter().zip(&values.bits) {
            let fits = match (shape, kind) {
                (None, kind::ABSENT..=kind::EMPTY) => true,
                (Some(Shape::Text), kind::TEXT | kind::ABSENT) => true,
                (Some(Shape::Narrow), kind::INT) => u32::try_from(bits).is_ok(),
                (Some(Shape::Wide), kind::INT) => true,
                (Some(Shape::Value), kind::ABSENT..=kind::EMPTY) => true,
                (Some(Shape::Number), kind::ABSENT | kind::INT | kind::DOUBLE) => true,
                _ => false,
            };
            if !fits {
                return Err(OutcomeError::Kind {
                    kind,
                    field: path.to_string(),
                });
            }
            self.answer.cell(kind, bits)?;
        }
        Ok(())
    }
}

fn misfit(edit: &'static str, path: &Path) -> OutcomeError {
    OutcomeError::Field {
        edit,
        field: path.to_string(),
    }
}
