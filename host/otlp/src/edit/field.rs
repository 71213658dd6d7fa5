//! Writes of fields with a fixed place.

use spanmill_model::{Context, Field, Shape};

use super::Editor;
use crate::ABSENT;
use crate::kind;
use crate::patch::{Encoded, Owner};
use crate::schema::{DataKind, Home, number};
use crate::table::{Column, Data, MISSING};
use crate::texts::Texts;
use crate::wire::{DELIMITED, FIXED64, Flaw, VARINT, put_delimited, put_tag, put_varint};

impl Editor<'_> {
    /// Writes one field of a row. A row that has no such field, like a gauge without temporality, stays as it is.
    pub(super) fn write_field(
        &mut self,
        field: &'static Field,
        row: u32,
        value: (u8, u64),
    ) -> Result<(), Flaw> {
        self.patches.have_room()?;
        let at = row as usize;
        let Some(&entry) = self.table.entries.get(at) else {
            return Ok(());
        };
        let point = self.table.point_kind(at);
        let data = self.table.data.get(at).copied().unwrap_or_default();
        let Some(column) = self.table.column_mut(field) else {
            return Ok(());
        };
        let Some((number, value)) = place(column.home, point, data, value) else {
            return Ok(());
        };
        set(column, at, value);
        if kind::is_pooled(value.0) {
            self.texts.grant(value.1 as u32, column.readers);
        }
        let (owner, around) = match column.home {
            Home::Status(_) => {
                let mut encoded = Vec::new();
                encode(&mut encoded, field.shape, number, value, self.texts);
                return self
                    .patches
                    .status(self.bytes, row, entry, number, &encoded);
            }
            Home::Data(_) => match self.groups.get(at) {
                Some(group) => (Owner::body(Context::Metric, row), group.body),
                None => return Ok(()),
            },
            _ => (Owner::head(self.context, row), entry),
        };
        let from = self.patches.arena.len() as u32;
        encode(
            &mut self.patches.arena,
            field.shape,
            number,
            value,
            self.texts,
        );
        let range = (from, self.patches.arena.len() as u32);
        if let Some(source) = column.sources.get_mut(at) {
            *source = match *source {
                MISSING if range.0 == range.1 => MISSING,
                MISSING => self.patches.insert(owner, around, range),
                known => self.patches.replace(self.bytes, owner, known, range),
            };
        }
        // The last of several counts; once it is written, the others must not show through.
        for source in column.repeats_of(row) {
            if *source != MISSING {
                self.patches.replace(self.bytes, owner, *source, (0, 0));
                *source = MISSING;
            }
        }
        Ok(())
    }
}

/// The number of a field in its message and the value it gets; `None` if the row does not have the field.
fn place(
    home: Home,
    point: usize,
    data: DataKind,
    (kind, bits): (u8, u64),
) -> Option<(u32, (u8, u64))> {
    let number = match home {
        Home::Status(number) => number,
        Home::Data(number) if data.has(number) => number,
        Home::PointValue if kind == kind::INT && point == 0 => number::AS_INT,
        home => home.own_number(point)?,
    };
    let bits = match home {
        Home::Data(number::IS_MONOTONIC) => u64::from(bits != 0),
        _ => bits,
    };
    Some((number, (kind, bits)))
}

/// Puts a value into a column.
fn set(column: &mut Column, at: usize, (kind, value): (u8, u64)) {
    match &mut column.data {
        Data::Narrow(values) => put(values, at, value as u32),
        Data::Wide(values) => put(values, at, value),
        Data::Text(indices) => put(
            indices,
            at,
            match kind {
                kind::TEXT => value as u32,
                _ => ABSENT,
            },
        ),
        Data::Cells(kinds, bits) => {
            put(kinds, at, kind);
            put(bits, at, value);
        }
        Data::TraceId(_) => {}
    }
}

fn put<T>(values: &mut [T], at: usize, value: T) {
    if let Some(slot) = values.get_mut(at) {
        *slot = value;
    }
}

/// Encodes a field. One that is cleared takes no bytes.
fn encode(out: &mut Vec<u8>, shape: Shape, number: u32, value: (u8, u64), texts: &Texts) {
    match (shape, value) {
        (_, (kind::ABSENT, _)) => {}
        (Shape::Value, (kind, bits)) => {
            let text = match kind::is_pooled(kind) {
                true => texts.get(bits as u32),
                false => &[],
            };
            let value = Encoded { kind, bits, text };
            put_tag(out, number, DELIMITED);
            put_varint(out, value.len() as u64);
            value.put(out);
        }
        (Shape::Text, (kind::TEXT, index)) => put_delimited(out, number, texts.get(index as u32)),
        (Shape::Wide | Shape::Number, (_, bits)) => {
            put_tag(out, number, FIXED64);
            out.extend_from_slice(&bits.to_le_bytes());
        }
        (Shape::Narrow, (kind::INT, bits)) => {
            put_tag(out, number, VARINT);
            put_varint(out, bits);
        }
        _ => {}
    }
}
