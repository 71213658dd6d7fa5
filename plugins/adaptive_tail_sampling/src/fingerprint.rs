//! Which values the spans of a trace have for the entries of fingerprints.

use spanmill_sdk::{AttributeField, Batch, CellKind, Context, Contract, Value};

use crate::selector::{Origin, Selector};
use crate::values::Values;

/// Where the values of an entry are read.
#[derive(Debug, Default)]
struct Source {
    resource: Option<AttributeField>,
    scope: Option<AttributeField>,
    span: Option<AttributeField>,
    only_roots: bool,
}

/// The entries, in the order of a trace's words.
#[derive(Debug, Default)]
pub(crate) struct Fingerprints {
    sources: Vec<Source>,
    /// The numbers of the batch's texts.
    numbers: Vec<u32>,
}

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
        let source = |selector: &Selector| {
            let mut read = |context, wanted: bool| {
                wanted.then(|| contract.read_attribute(context, &selector.key))
            };
            let origin = selector.origin;
            Source {
                resource: read(
                    Context::Resource,
                    matches!(origin, Origin::Resource | Origin::Any),
                ),
                scope: read(
                    Context::Scope,
                    matches!(origin, Origin::Scope | Origin::Any),
                ),
                span: read(
                    Context::Span,
                    matches!(origin, Origin::Span | Origin::Root | Origin::Any),
                ),
                only_roots: origin == Origin::Root,
            }
        };
        Fingerprints {
            sources: selectors.iter().map(source).collect(),
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

    /// Adds a span's values to those of its trace: a word for each entry.
    pub(crate) fn add(
        &mut self,
        rows: Rows,
        is_root: bool,
        batch: &Batch<'_>,
        values: &mut Values,
        words: &mut [u32],
    ) {
        let Fingerprints { sources, numbers } = self;
        for (source, word) in sources.iter().zip(words) {
            if source.only_roots && !is_root {
                continue;
            }
            for (field, row) in [
                (source.resource, rows.resource),
                (source.scope, rows.scope),
                (source.span, rows.span),
            ] {
                let Some(field) = field else {
                    continue;
                };
                let (kind, bits) = batch.attribute(field).cell(row);
                if let Some(value) = number(kind, bits, batch, numbers, values) {
                    *word = values.with(*word, value);
                }
            }
        }
    }
}

/// The number of an attribute's value; `None` if it is not there.
fn number(
    kind: u8,
    bits: u64,
    batch: &Batch<'_>,
    numbers: &mut [u32],
    values: &mut Values,
) -> Option<u32> {
    match CellKind::from_number(kind)? {
        CellKind::Absent => None,
        CellKind::Text => {
            let number = numbers.get_mut(bits as usize)?;
            if *number == OPEN {
                *number = values.value(batch.texts.get(bits as u32));
            }
            Some(*number)
        }
        _ => Some(values.value(&Value::from_cell(kind, bits, &batch.texts).to_text())),
    }
}
