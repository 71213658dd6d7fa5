//! The attributes by which rows are counted apart.

use std::borrow::Cow;

use spanmill_actions::Constant;
use spanmill_sdk::{AttributeField, Batch, Cell, Context, Contract, Emission, SeriesKey, Values};

use crate::settings::Attribute;

/// An attribute by which rows are counted apart.
#[derive(Debug)]
pub(crate) struct Dimension {
    pub key: String,
    row: AttributeField,
    scope: AttributeField,
    resource: AttributeField,
    /// What stands for it where it is nowhere.
    pub default: Option<Constant>,
}

impl Dimension {
    pub(crate) fn new(attribute: &Attribute, context: Context, contract: &mut Contract) -> Self {
        let mut read = |context| contract.read_attribute(context, &attribute.key);
        Dimension {
            row: read(context),
            scope: read(Context::Scope),
            resource: read(Context::Resource),
            key: attribute.key.clone(),
            default: Constant::new(&attribute.default_value),
        }
    }

    pub(crate) fn columns<'a>(&self, batch: &Batch<'a>) -> [Values<'a>; 3] {
        [self.row, self.scope, self.resource].map(|field| batch.attribute(field))
    }
}

/// A row, and those that it stands below.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    row: usize,
    scope: usize,
    pub resource: usize,
}

impl Place {
    pub(crate) fn of(batch: &Batch<'_>, context: Context, row: usize) -> Option<Self> {
        let scope = above(batch, context, Context::Scope, row)?;
        let resource = above(batch, Context::Scope, Context::Resource, scope)?;
        Some(Place {
            row,
            scope,
            resource,
        })
    }

    /// An attribute of the row, else of its scope, else of its resource.
    pub(crate) fn cell(&self, [own, scopes, resources]: &[Values<'_>; 3]) -> (u8, u64) {
        let found = [
            own.cell(self.row),
            scopes.cell(self.scope),
            resources.cell(self.resource),
        ];
        let first = found.into_iter().find(|(kind, _)| *kind != 0);
        first.unwrap_or((0, 0))
    }
}

/// By row, whether it lacks an attribute that has no default; empty: none can.
pub(crate) fn lacking(batch: &Batch<'_>, context: Context, attributes: &[Dimension]) -> Vec<u8> {
    let needed = attributes.iter().filter(|it| it.default.is_none());
    let columns: Vec<_> = needed.map(|it| it.columns(batch)).collect();
    if columns.is_empty() {
        return Vec::new();
    }
    let lacks = |row: usize| {
        let place = Place::of(batch, context, row);
        let has_all = |place: Place| columns.iter().all(|columns| place.cell(columns).0 != 0);
        u8::from(!place.is_some_and(has_all))
    };
    (0..batch.rows(context)).map(lacks).collect()
}

impl Dimension {
    /// Appends a cell of the batch, or what stands for it, to what tells a series apart: equal values are the same.
    pub(crate) fn push(&self, key: &mut SeriesKey, batch: &Batch<'_>, (kind, bits): (u8, u64)) {
        match (&self.default, kind) {
            (Some(default), 0) => {
                let (kind, bytes) = parts(default);
                key.number(kind);
                key.text(&bytes);
            }
            (_, kind) => {
                key.number(u32::from(kind));
                match kind {
                    1 | 5 | 6 | 7 => key.text(batch.texts.bytes(bits as u32)),
                    _ => key.text(&bits.to_le_bytes()),
                }
            }
        }
    }
}

/// A value of the settings as kind and bytes, as those of cells.
fn parts(constant: &Constant) -> (u32, Cow<'_, [u8]>) {
    let number = |bits: u64| Cow::Owned(bits.to_le_bytes().to_vec());
    match constant {
        Constant::Text(text) => (1, Cow::Borrowed(text.as_bytes())),
        Constant::Bool(flag) => (2, number(u64::from(*flag))),
        Constant::Int(value) => (3, number(*value as u64)),
        Constant::Double(value) => (4, number(value.to_bits())),
        Constant::Array(bytes) => (6, Cow::Borrowed(bytes)),
        Constant::Map(bytes) => (7, Cow::Borrowed(bytes)),
    }
}

/// A value of the settings as a cell.
pub(crate) fn cell(constant: &Constant, emission: &mut Emission) -> Cell {
    match constant {
        Constant::Text(text) => Cell::Text(emission.text(text)),
        Constant::Bool(flag) => Cell::Bool(*flag),
        Constant::Int(number) => Cell::Int(*number),
        Constant::Double(number) => Cell::Double(*number),
        Constant::Array(bytes) => Cell::Array(emission.bytes(bytes)),
        Constant::Map(bytes) => Cell::Map(emission.bytes(bytes)),
    }
}

/// The row of a context that a row of a deeper one, or of the same, belongs to.
pub(crate) fn above(batch: &Batch<'_>, from: Context, to: Context, row: usize) -> Option<usize> {
    let (mut context, mut row) = (from, row);
    while context != to {
        row = *batch.parents(context).get(row)? as usize;
        context = context.parent()?;
    }
    Some(row)
}
