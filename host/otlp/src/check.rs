//! Checks an outcome against the contract before any of it is applied.

use crate::attributes::kind;
use crate::outcome::{CellColumn, Outcome, OutcomeError};
use crate::path::{Context, Path, Shape, Target};
use crate::projection::StagePlan;
use crate::schema::Message;
use crate::stage::{Alive, Scratch};
use crate::table::Table;
use crate::texts::Texts;
use crate::validate::{self, DEPTH};
use crate::wire::Reader;

type Checked = Result<(), OutcomeError>;

pub(crate) struct Check<'a> {
    pub(crate) plan: &'a StagePlan,
    pub(crate) scratch: &'a Scratch,
    pub(crate) tables: &'a [Table; 5],
    pub(crate) alive: &'a [Alive; 5],
    pub(crate) texts: &'a Texts,
    pub(crate) outcome: &'a Outcome,
}

/// Fails unless a list has the length it should have.
fn length(what: &'static str, got: usize, want: usize) -> Checked {
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
        self.pool()?;
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
            if write.values.kinds.len() != 1 {
                length("write.values", write.values.kinds.len(), named)?;
            }
            self.cells(&write.values, path)?;
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
            if matches!(&path.target, Target::Fixed(fixed) if fixed.shape != Shape::Text) {
                return Err(misfit("a replacement", path));
            }
            self.read("a replacement", path)?;
            length(
                "replacement.new",
                replacement.new.len(),
                replacement.old.len(),
            )?;
            for &old in &replacement.old {
                if !self.texts.may_read(old, self.plan.bit) {
                    return Err(OutcomeError::Text(old));
                }
            }
            let mut sorted = replacement.old.clone();
            sorted.sort_unstable();
            ordered("replacement.old", &sorted, self.texts.len(), true)?;
            for &new in &replacement.new {
                self.text(kind::TEXT, new)?;
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
            ordered("append.rows", &append.rows, self.rows(path.context), false)?;
            length("append.keys", append.keys.len(), append.rows.len())?;
            length(
                "append.values",
                append.values.kinds.len(),
                append.rows.len(),
            )?;
            for &key in &append.keys {
                self.text(kind::TEXT, key)?;
            }
            self.present(&append.values, path)?;
        }
        Ok(())
    }

    fn pool(&self) -> Checked {
        let pool = &self.outcome.texts;
        let last = pool.ends.last().copied().unwrap_or(0) as usize;
        if pool.ends.is_sorted() && last == pool.bytes.len() {
            Ok(())
        } else {
            Err(OutcomeError::Pool)
        }
    }

    fn verdicts(&self) -> Checked {
        let mut seen = Vec::new();
        for verdicts in &self.outcome.verdicts {
            let context = verdicts.context;
            let has_table = self
                .plan
                .tables
                .get(context as usize)
                .copied()
                .unwrap_or(false);
            if !matches!(context, Context::Span | Context::SpanEvent) || !has_table {
                return Err(OutcomeError::VerdictContext(context.prefix()));
            }
            if seen.contains(&context) {
                return Err(OutcomeError::VerdictsTwice);
            }
            seen.push(context);
            if !verdicts.rows.is_empty() {
                length("verdicts.rows", verdicts.rows.len(), self.rows(context))?;
            }
            if let Some(verdict) = verdicts.rows.iter().find(|&&verdict| verdict > 1) {
                return Err(OutcomeError::Verdict(*verdict));
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
        let table = self
            .tables
            .get(context as usize)
            .zip(self.alive.get(context as usize));
        table.map_or(0, |(table, alive)| alive.count(table))
    }

    fn entries(&self, context: Context) -> usize {
        let table = self
            .tables
            .get(context as usize)
            .zip(self.alive.get(context as usize));
        table.map_or(0, |(table, alive)| {
            self.scratch.entries_shown(context, table, alive)
        })
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
            Target::Fixed(fixed) => Some(fixed.shape),
            Target::Attributes | Target::Attribute(_) => None,
        };
        for (&kind, &bits) in values.kinds.iter().zip(&values.bits) {
            let fits = match (shape, kind) {
                (None, kind::ABSENT..=kind::EMPTY) => true,
                (Some(Shape::Text), kind::TEXT | kind::ABSENT) => true,
                (Some(Shape::Narrow), kind::INT) => u32::try_from(bits).is_ok(),
                (Some(Shape::Wide), kind::INT) => true,
                _ => false,
            };
            if !fits {
                return Err(OutcomeError::Kind {
                    kind,
                    field: path.to_string(),
                });
            }
            if kind::is_pooled(kind) {
                let index = u32::try_from(bits).map_err(|_| OutcomeError::Text(u32::MAX))?;
                self.text(kind, index)?;
            }
        }
        Ok(())
    }

    /// Checks a text that is about to stand in telemetry as a given kind.
    fn text(&self, kind: u8, index: u32) -> Checked {
        let bytes = match index.checked_sub(self.scratch.pool_len) {
            None if self.texts.may_read(index, self.plan.bit) => self.texts.get(index),
            None => return Err(OutcomeError::Text(index)),
            Some(new) => {
                let ends = &self.outcome.texts.ends;
                let end = *ends.get(new as usize).ok_or(OutcomeError::Text(index))?;
                let before = (new as usize)
                    .checked_sub(1)
                    .and_then(|before| ends.get(before));
                let start = before.copied().unwrap_or(0);
                let bytes = self.outcome.texts.bytes.get(start as usize..end as usize);
                bytes.ok_or(OutcomeError::Pool)?
            }
        };
        let mut reader = Reader::new(bytes, 0, bytes.len());
        // An entry's value may stand some levels down in a request.
        let depth = DEPTH - 8;
        let mut places = Vec::new();
        let valid = match kind {
            kind::TEXT => std::str::from_utf8(bytes).is_ok(),
            kind::ARRAY => {
                validate::message(&mut reader, Message::ArrayValue, depth, &mut places).is_ok()
            }
            kind::MAP => {
                validate::message(&mut reader, Message::KeyValueList, depth, &mut places).is_ok()
            }
            _ => true,
        };
        if valid {
            Ok(())
        } else {
            Err(OutcomeError::Encoding(index))
        }
    }
}

fn misfit(edit: &'static str, path: &Path) -> OutcomeError {
    OutcomeError::Field {
        edit,
        field: path.to_string(),
    }
}
