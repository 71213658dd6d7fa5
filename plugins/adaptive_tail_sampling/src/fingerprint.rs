//! Which values the spans of a trace have for the entries of fingerprints.

use spanmill_sdk::{AttributeField, Batch, CellKind, Context, Contract, Texts, Value, Values};

use crate::selector::{Origin, Selector};
use crate::values::Values as KnownValues;

/// Which row of a column belongs to a span.
#[derive(Debug, Clone, Copy)]
enum Of {
    Span,
    Scope,
    Resource,
}

/// A place where an entry looks for values.
#[derive(Debug)]
struct Source {
    field: AttributeField,
    of: Of,
    /// The entry's place among the words of a trace.
    word: usize,
    only_roots: bool,
}

/// The entries, in the order of a trace's words.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints {
    sources: Vec<Source>,
    /// The numbers of the batch's texts.
    numbers: Vec<u32>,
}

/// The columns of a batch that the entries read, one for each place.
pub(crate) type Columns<'a> = Vec<Values<'a>>;

/// A text whose number nobody has asked for.
const OPEN: u32 = u32::MAX;

/// A span, its scope and its resource, by their rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rows {
    pub span: usize,
    pub scope: usize,
    pub resource: usize,
}

impl Fingerprints {
    /// Declares what the entries read.
    pub(crate) fn declare(selectors: &[Selector], contract: &mut Contract) -> Self {
        let mut sources = Vec::new();
        for (word, selector) in selectors.iter().enumerate() {
            let origin = selector.origin;
            let is_any = origin == Origin::Any;
            let only_roots = origin == Origin::Root;
            for (context, of, is_read) in [
                (Context::Resource, Of::Resource, origin == Origin::Resource),
                (Context::Scope, Of::Scope, origin == Origin::Scope),
                (
                    Context::Span,
                    Of::Span,
                    origin == Origin::Span || only_roots,
                ),
            ] {
                if is_read || is_any {
                    sources.push(Source {
                        field: contract.read_attribute(context, &selector.key),
                        of,
                        word,
                        only_roots,
                    });
                }
            }
        }
        Fingerprints {
            sources,
            numbers: Vec::new(),
        }
    }

    /// Another batch: texts have other numbers.
    pub(crate) fn begin(&mut self, batch: &Batch<'_>) {
        self.numbers.clear();
        if !self.sources.is_empty() {
            self.numbers.resize(batch.texts.len(), OPEN);
        }
    }

    /// The columns of a batch that the entries read.
    pub(crate) fn columns<'a>(&self, batch: &Batch<'a>) -> Columns<'a> {
        let columns = self.sources.iter();
        columns
            .map(|source| batch.attribute(source.field))
            .collect()
    }

    /// Adds a span's values to those of its trace: a word for each entry.
    pub(crate) fn add<'a>(
        &mut self,
        rows: Rows,
        is_root: bool,
        columns: &Columns<'a>,
        texts: &Texts<'a>,
        known: &mut KnownValues,
        words: &mut [u32],
    ) {
        for (source, column) in self.sources.iter().zip(columns) {
            if source.only_roots && !is_root {
                continue;
            }
            let row = match source.of {
                Of::Span => rows.span,
                Of::Scope => rows.scope,
                Of::Resource => rows.resource,
            };
            let (kind, bits) = column.cell(row);
            let value = number(kind, bits, texts, &mut self.numbers, known);
            if let (Some(value), Some(word)) = (value, words.get_mut(source.word)) {
                *word = known.with(*word, value);
            }
        }
    }
}

/// The number of an attribute's value; `None` if it is not there.
fn number(
    kind: u8,
    bits: u64,
    texts: &Texts<'_>,
    numbers: &mut [u32],
    known: &mut KnownValues,
) -> Option<u32> {
    match CellKind::from_number(kind)? {
        CellKind::Absent => None,
        CellKind::Text => {
            let number = numbers.get_mut(bits as usize)?;
            if *number == OPEN {
                *number = known.value(texts.get(bits as u32));
            }
            Some(*number)
        }
        _ => Some(known.value(&Value::from_cell(kind, bits, texts).to_text())),
    }
}
