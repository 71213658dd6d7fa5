//! Writes checked records as a request.

use spanmill_model::Context;

use super::{RecordColumn, RecordPlan, Records};
use crate::ABSENT;
use crate::answer_texts::AnswerTexts;
use crate::assembly::Assembly;
use crate::joined::Spliced;
use crate::kind;
use crate::patch::{Encoded, Patch, Patches, put_key_value};
use crate::path::{Path, Target};
use crate::request::Request;
use crate::schema::{self, Home, Kind, Message, attributes_number, message_of, number};
use crate::validate::DEPTH;
use crate::wire::{FIXED32, FIXED64, VARINT, put_delimited, put_tag, put_varint};

/// Records to be written, and what they carry over from a batch.
pub(crate) struct Recording<'a> {
    pub(crate) plan: &'a RecordPlan,
    pub(crate) records: &'a Records,
    pub(crate) answer: &'a AnswerTexts<'a>,
    pub(crate) request: &'a Request,
    pub(crate) patches: &'a Patches,
}

/// A field of the records: where it stands, and its values.
struct Slot<'a> {
    number: u32,
    /// The number within the message that stands at `number`, for the fields of a status.
    nested: Option<u32>,
    kind: Kind,
    key: Option<&'a str>,
    column: &'a RecordColumn,
}

impl<'a> Slot<'a> {
    fn new(item: Context, path: &'a Path, column: &'a RecordColumn) -> Option<Self> {
        let (number, nested) = match &path.target {
            Target::Fixed(field) => match schema::home(field)? {
                Home::Status(nested) => (number::SPAN_STATUS, Some(nested)),
                home => (home.own_number(0)?, None),
            },
            Target::Attributes | Target::Attribute(_) => (attributes_number(item, 0), None),
            Target::Request(_) => return None,
        };
        let message = match nested {
            Some(_) => Message::Status,
            None => message_of(item),
        };
        let kinds = message.fields();
        Some(Slot {
            number,
            nested,
            kind: *kinds.get(nested.unwrap_or(number) as usize)?,
            key: path.key(),
            column,
        })
    }
}

impl Recording<'_> {
    /// The request. Records of one resource stand together.
    pub(crate) fn write(&self) -> Spliced {
        let slots = self.slots();
        let patches = self.resource_patches();
        let mut scope = Vec::new();
        let mut own = Vec::new();
        for (number, text) in [(1, &self.plan.scope_name), (2, &self.plan.scope_version)] {
            if !text.is_empty() {
                put_delimited(&mut own, number, text.as_bytes());
            }
        }
        if !own.is_empty() {
            put_delimited(&mut scope, number::HEAD, &own);
        }
        let mut assembly = Assembly::new(self.plan.signal);
        let mut resource = Vec::new();
        let mut record = Vec::new();
        let mut last = None;
        for (row, &from) in self.records.resources.iter().enumerate() {
            if last.replace(from) != Some(from) {
                resource.clear();
                self.resource(from, &patches, &mut resource);
                assembly.begin_resource(&resource);
                assembly.begin_scope(&scope);
            }
            record.clear();
            self.record(row, &slots, &mut record);
            assembly.item(&record);
        }
        assembly.finish()
    }

    /// The fields in the order of their numbers.
    fn slots(&self) -> Vec<Slot<'_>> {
        let item = self.plan.signal.item();
        let fields = self.plan.fields.iter().zip(&self.records.columns);
        let mut slots: Vec<Slot<'_>> = fields
            .filter_map(|(path, column)| Slot::new(item, path, column))
            .collect();
        slots.sort_by_key(|slot| (slot.number, slot.nested));
        slots
    }

    /// The edits of resources, by row and place.
    fn resource_patches(&self) -> Vec<&Patch> {
        let list = self.patches.list.iter();
        let mut patches: Vec<&Patch> = list
            .filter(|patch| patch.owner.context == Context::Resource)
            .collect();
        patches.sort_by_key(|patch| (patch.owner.row, patch.start));
        patches
    }

    /// Appends a resource as edited, and its schema URL, as fields of the message around it.
    fn resource(&self, row: u32, patches: &[&Patch], out: &mut Vec<u8>) {
        let Some(group) = self.request.index.resources.get(row as usize) else {
            return;
        };
        let bytes = &self.request.bytes;
        let first = patches.partition_point(|patch| patch.owner.row < row);
        let own = patches.get(first..).unwrap_or(&[]);
        let own = own.iter().take_while(|patch| patch.owner.row == row);
        let mut edited = Vec::new();
        let mut at = group.head.body;
        for patch in own {
            // A cut inside one that came before.
            if patch.start < at {
                continue;
            }
            edited.extend_from_slice(bytes.get(at as usize..patch.start as usize).unwrap_or(&[]));
            let new = self
                .patches
                .arena
                .get(patch.from as usize..patch.to as usize);
            edited.extend_from_slice(new.unwrap_or(&[]));
            at = patch.end;
        }
        edited.extend_from_slice(
            bytes
                .get(at as usize..group.head.end as usize)
                .unwrap_or(&[]),
        );
        let was_sent = group.head.start != group.head.end;
        if was_sent || !edited.is_empty() {
            put_delimited(out, number::HEAD, &edited);
        }
        let mut reader = group.body.reader(bytes);
        while !reader.is_done() {
            let start = reader.pos();
            let Ok((field, wire)) = reader.tag() else {
                break;
            };
            if reader.skip(field, wire, DEPTH).is_err() {
                break;
            }
            if field == number::SCHEMA_URL {
                out.extend_from_slice(bytes.get(start..reader.pos()).unwrap_or(&[]));
            }
        }
    }

    /// Appends a record.
    fn record(&self, row: usize, slots: &[Slot<'_>], out: &mut Vec<u8>) {
        let mut status = Vec::new();
        for (at, slot) in slots.iter().enumerate() {
            match slot.nested {
                None => self.field(row, slot, slot.number, out),
                Some(nested) => {
                    self.field(row, slot, nested, &mut status);
                    // They stand together.
                    let next = slots.get(at + 1);
                    if !status.is_empty() && next.is_none_or(|next| next.nested.is_none()) {
                        put_delimited(out, slot.number, &status);
                    }
                }
            }
        }
    }

    /// Appends one field of a record, unless it is absent or zero.
    fn field(&self, row: usize, slot: &Slot<'_>, number: u32, out: &mut Vec<u8>) {
        match slot.column {
            RecordColumn::Narrow(values) => {
                let value = values.get(row).copied().unwrap_or(0);
                match slot.kind {
                    _ if value == 0 => {}
                    Kind::Fixed32 => {
                        put_tag(out, number, FIXED32);
                        out.extend_from_slice(&value.to_le_bytes());
                    }
                    _ => {
                        put_tag(out, number, VARINT);
                        put_varint(out, u64::from(value));
                    }
                }
            }
            RecordColumn::Wide(values) => {
                let value = values.get(row).copied().unwrap_or(0);
                match slot.kind {
                    _ if value == 0 => {}
                    Kind::Id(_) => put_delimited(out, number, &value.to_be_bytes()),
                    _ => {
                        put_tag(out, number, FIXED64);
                        out.extend_from_slice(&value.to_le_bytes());
                    }
                }
            }
            RecordColumn::TraceId(words) => {
                let (ids, _) = words.as_chunks::<2>();
                if let Some(&[high, low]) = ids.get(row)
                    && (high, low) != (0, 0)
                {
                    let id = u128::from(high) << 64 | u128::from(low);
                    put_delimited(out, number, &id.to_be_bytes());
                }
            }
            RecordColumn::Text(indices) => {
                let index = indices.get(row).copied().unwrap_or(ABSENT);
                match slot.kind {
                    _ if index == ABSENT => {}
                    Kind::Text => put_delimited(out, number, self.text(index)),
                    _ => self.value(slot.key, (kind::TEXT, u64::from(index)), number, out),
                }
            }
            RecordColumn::Cells(cells) => {
                let kind = cells.kinds.get(row).copied().unwrap_or(kind::ABSENT);
                let bits = cells.bits.get(row).copied().unwrap_or(0);
                if kind != kind::ABSENT {
                    self.value(slot.key, (kind, bits), number, out);
                }
            }
            RecordColumn::Attributes { ends, keys, values } => {
                let first = row.checked_sub(1).and_then(|before| ends.get(before));
                let first = first.copied().unwrap_or(0) as usize;
                let last = ends.get(row).copied().unwrap_or(0) as usize;
                for at in first..last {
                    let kind = values.kinds.get(at).copied().unwrap_or(kind::EMPTY);
                    let bits = values.bits.get(at).copied().unwrap_or(0);
                    let key = keys.get(at).map_or(&[][..], |key| self.text(*key));
                    self.entry(key, (kind, bits), number, out);
                }
            }
            RecordColumn::Other => {}
        }
    }

    /// Appends a value: an attribute with a key, else a body.
    fn value(&self, key: Option<&str>, cell: (u8, u64), number: u32, out: &mut Vec<u8>) {
        match key {
            Some(key) => self.entry(key.as_bytes(), cell, number, out),
            None => {
                let mut any = Vec::new();
                self.encoded(cell).put(&mut any);
                put_delimited(out, number, &any);
            }
        }
    }

    /// Appends an attribute.
    fn entry(&self, key: &[u8], cell: (u8, u64), number: u32, out: &mut Vec<u8>) {
        let value = self.encoded(cell);
        put_key_value(out, number, key, value);
    }

    fn encoded(&self, (kind, bits): (u8, u64)) -> Encoded<'_> {
        let text = match kind::is_pooled(kind) {
            true => self.text(bits as u32),
            false => &[],
        };
        Encoded { kind, bits, text }
    }

    /// A text that was checked.
    fn text(&self, index: u32) -> &[u8] {
        self.answer.bytes(index).unwrap_or(&[])
    }
}
