//! Spans or log records that a stage makes: what it declares of them, and the check of what it answers.

pub(crate) mod write;

use spanmill_model::{Field, Shape, Signal};

use crate::ABSENT;
use crate::answer_texts::AnswerTexts;
use crate::check::length;
use crate::kind;
use crate::outcome::{CellColumn, OutcomeError, Pool};
use crate::path::{Path, PathError, Target};
use crate::schema::{self, Home};

/// The records that a plugin declares that it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordPlan {
    signal: Signal,
    /// The fields of each record, in the plugin's order.
    fields: Vec<Path>,
    scope_name: String,
    scope_version: String,
}

/// A declaration of records that the host cannot meet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordPlanError {
    /// A declared path names no field.
    #[error(transparent)]
    Path(#[from] PathError),
    /// Records of a signal that has none.
    #[error("it makes records of {0}; a plugin makes spans or log records, and measures metrics")]
    Signal(Signal),
    /// A field that records do not have.
    #[error("`{path}` is not a field that {items} can be given")]
    Field {
        /// The path.
        path: String,
        /// What is made.
        items: &'static str,
    },
    /// A field declared twice.
    #[error("`{0}` is declared twice, or beside the whole list that it is in")]
    Twice(String),
    /// A scope's name or version that is too long.
    #[error("the scope's name or version has more than {SCOPE} bytes")]
    Scope,
}

/// Limit on the bytes of a scope's name, and of its version.
const SCOPE: usize = 256;

/// One field of every record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordColumn {
    /// Kinds, codes, flags and counts.
    Narrow(Vec<u32>),
    /// Times in ns, span ids.
    Wide(Vec<u64>),
    /// Two words a record, the high one first.
    TraceId(Vec<u64>),
    /// Pool indices.
    Text(Vec<u32>),
    /// Values of mixed type.
    Cells(CellColumn),
    /// Whole attribute lists: where each record's entries end, their keys and values.
    Attributes {
        /// Where each record's entries end.
        ends: Vec<u32>,
        /// The key of each entry.
        keys: Vec<u32>,
        /// The value of each entry.
        values: CellColumn,
    },
    /// A case that no field of records has.
    Other,
}

/// What a stage made of a batch, as it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// New texts.
    pub texts: Pool,
    /// How many records there are.
    pub rows: u32,
    /// The row of the resource of each, never decreasing.
    pub resources: Vec<u32>,
    /// The fields, in the order of the plan.
    pub columns: Vec<RecordColumn>,
}

/// Limit on the records of one answer.
const MAX_RECORDS: u32 = 1 << 20;

impl RecordPlan {
    /// Checks what a plugin declares of its records.
    ///
    /// # Errors
    ///
    /// A signal without records, and fields that its records do not have.
    pub fn new(
        signal: Signal,
        fields: &[String],
        scope_name: String,
        scope_version: String,
    ) -> Result<Self, RecordPlanError> {
        if signal == Signal::Metrics {
            return Err(RecordPlanError::Signal(signal));
        }
        if scope_name.len().max(scope_version.len()) > SCOPE {
            return Err(RecordPlanError::Scope);
        }
        let mut parsed: Vec<Path> = Vec::with_capacity(fields.len());
        for field in fields {
            let path = Path::parse(field)?;
            let is_derived = matches!(&path.target, Target::Fixed(field) if schema::home(field) == Some(Home::EncodedSize));
            if path.context() != signal.item() || is_derived {
                return Err(RecordPlanError::Field {
                    path: path.to_string(),
                    items: signal.items(),
                });
            }
            if parsed
                .iter()
                .any(|known| known.covers(&path) || path.covers(known))
            {
                return Err(RecordPlanError::Twice(path.to_string()));
            }
            parsed.push(path);
        }
        Ok(RecordPlan {
            signal,
            fields: parsed,
            scope_name,
            scope_version,
        })
    }

    /// What the records are.
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// The fields of each.
    pub fn fields(&self) -> &[Path] {
        &self.fields
    }

    /// The name of their scope; empty: none.
    pub fn scope_name(&self) -> &str {
        &self.scope_name
    }

    /// Checks every rule that the WIT states. What the records write is counted on the way.
    pub(crate) fn check(
        &self,
        records: &Records,
        resources: usize,
        answer: &AnswerTexts<'_>,
    ) -> Result<(), OutcomeError> {
        answer.pool()?;
        if records.rows > MAX_RECORDS {
            return Err(OutcomeError::Records {
                rows: records.rows,
                limit: MAX_RECORDS,
            });
        }
        let rows = records.rows as usize;
        length("records.resources", records.resources.len(), rows)?;
        let last = records.resources.last().copied().unwrap_or(0) as usize;
        if !records.resources.is_sorted() || (rows > 0 && last >= resources) {
            return Err(OutcomeError::Order("records.resources"));
        }
        if rows == 0 && records.columns.is_empty() {
            return Ok(());
        }
        length("records.columns", records.columns.len(), self.fields.len())?;
        for (path, column) in self.fields.iter().zip(&records.columns) {
            // Tags, lengths and numbers.
            answer.charge(rows as u64, 20)?;
            column_fits(path, column, rows, answer)?;
        }
        Ok(())
    }
}

/// Fails unless a column has the case that its field calls for, a value for each record, and texts that may be referred to.
fn column_fits(
    path: &Path,
    column: &RecordColumn,
    rows: usize,
    answer: &AnswerTexts<'_>,
) -> Result<(), OutcomeError> {
    let shape = match &path.target {
        Target::Fixed(Field { shape, .. }) => Some(*shape),
        Target::Attribute(key) => {
            answer.charge(key.len() as u64, rows)?;
            Some(Shape::Value)
        }
        Target::Attributes | Target::Request(_) => None,
    };
    match (shape, column) {
        (Some(Shape::Narrow), RecordColumn::Narrow(values)) => {
            length("records.columns.narrow", values.len(), rows)
        }
        (Some(Shape::Wide), RecordColumn::Wide(values)) => {
            length("records.columns.wide", values.len(), rows)
        }
        (Some(Shape::TraceId), RecordColumn::TraceId(words)) => length(
            "records.columns.trace-id",
            words.len(),
            rows.saturating_mul(2),
        ),
        (Some(Shape::Text | Shape::Value), RecordColumn::Text(indices)) => {
            length("records.columns.text", indices.len(), rows)?;
            let some = indices.iter().filter(|index| **index != ABSENT);
            some.copied()
                .try_for_each(|index| answer.text(kind::TEXT, index))
        }
        (Some(Shape::Value), RecordColumn::Cells(cells)) => {
            length("records.columns.cells", cells.kinds.len(), rows)?;
            cells_fit(path, cells, kind::ABSENT, answer)
        }
        (None, RecordColumn::Attributes { ends, keys, values }) => {
            length("attribute-list.ends", ends.len(), rows)?;
            let last = ends.last().copied().unwrap_or(0) as usize;
            if !ends.is_sorted() || last != keys.len() {
                return Err(OutcomeError::Order("attribute-list.ends"));
            }
            length("attribute-list.values", values.kinds.len(), keys.len())?;
            answer.charge(keys.len() as u64, 20)?;
            for &key in keys {
                answer.text(kind::TEXT, key)?;
            }
            cells_fit(path, values, kind::TEXT, answer)
        }
        (shape, _) => Err(OutcomeError::Column {
            field: path.to_string(),
            want: match shape {
                Some(Shape::Narrow) => "narrow",
                Some(Shape::Wide) => "wide",
                Some(Shape::TraceId) => "trace-id",
                Some(Shape::Text) => "text",
                Some(_) => "cells or text",
                None => "attributes",
            },
        }),
    }
}

/// Fails unless cells have known kinds, from `least` on, and texts that may be referred to.
fn cells_fit(
    path: &Path,
    cells: &CellColumn,
    least: u8,
    answer: &AnswerTexts<'_>,
) -> Result<(), OutcomeError> {
    length("cells.bits", cells.bits.len(), cells.kinds.len())?;
    for (&kind, &bits) in cells.kinds.iter().zip(&cells.bits) {
        if !(least..=kind::EMPTY).contains(&kind) {
            return Err(OutcomeError::Kind {
                kind,
                field: path.to_string(),
            });
        }
        answer.cell(kind, bits)?;
    }
    Ok(())
}
