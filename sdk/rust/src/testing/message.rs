//! OTLP's messages, each described once for writing and reading.

use super::attr::{Attr, AttrList};
use crate::Value;
use crate::nested::{self, Field};

/// A message that names its fields.
pub trait Message: Default {
    /// Visits every field with its number.
    fn fields(&mut self, io: &mut Io<'_>);
}

/// What a visit of a message's fields does.
pub enum Io<'a> {
    /// Appends every field that is not empty.
    Write(&'a mut Vec<u8>),
    /// Takes one field that was read: its number, and what it holds.
    Read(u64, Field<'a>),
}

/// Encodes a message.
pub(super) fn encode(message: &mut impl Message) -> Vec<u8> {
    let mut out = Vec::new();
    message.fields(&mut Io::Write(&mut out));
    out
}

/// Reads fields into a message.
fn read(bytes: &[u8], mut fields: impl FnMut(&mut Io<'_>)) {
    for (number, field) in nested::fields(bytes) {
        fields(&mut Io::Read(number, field));
    }
}

/// Decodes a message.
pub(super) fn decode<M: Message>(bytes: &[u8]) -> M {
    let mut message = M::default();
    read(bytes, |io| message.fields(io));
    message
}

impl Io<'_> {
    /// Writes bytes, or returns those that were read for this field.
    fn bytes(&mut self, number: u64, bytes: Option<&[u8]>) -> Option<&[u8]> {
        match (self, bytes) {
            (Io::Write(out), Some(bytes)) => nested::push_bytes(out, number, bytes),
            (Io::Read(read, Field::Bytes(bytes)), _) if *read == number => return Some(bytes),
            _ => {}
        }
        None
    }

    /// Writes a number, or returns the one that was read for this field.
    fn number(&mut self, number: u64, wire: u8, value: Option<u64>) -> Option<u64> {
        match (self, value) {
            (Io::Write(out), Some(value)) => {
                nested::push_varint(out, number << 3 | u64::from(wire));
                match wire {
                    1 => out.extend(value.to_le_bytes()),
                    5 => out.extend((value as u32).to_le_bytes()),
                    _ => nested::push_varint(out, value),
                }
            }
            (Io::Read(read, Field::Number(value)), _) if *read == number => return Some(*value),
            _ => {}
        }
        None
    }

    /// A text.
    pub fn text(&mut self, number: u64, text: &mut String) {
        let given = (!text.is_empty()).then(|| text.clone());
        if let Some(read) = self.bytes(number, given.as_deref().map(str::as_bytes)) {
            *text = String::from_utf8_lossy(read).into_owned();
        }
    }

    /// An id; all zero is none.
    pub fn id<const LENGTH: usize>(&mut self, number: u64, id: &mut [u8; LENGTH]) {
        let given = id.iter().any(|&byte| byte != 0).then_some(*id);
        if let Some(read) = self.bytes(number, given.as_ref().map(|id| id.as_slice())) {
            *id = read.try_into().unwrap_or([0; LENGTH]);
        }
    }

    /// A number of up to 32 bits, or a flag.
    pub fn varint(&mut self, number: u64, value: &mut u32) {
        let given = (*value != 0).then_some(u64::from(*value));
        if let Some(read) = self.number(number, 0, given) {
            *value = read as u32;
        }
    }

    /// A number of 32 bits, at its full length.
    pub fn fixed32(&mut self, number: u64, value: &mut u32) {
        let given = (*value != 0).then_some(u64::from(*value));
        if let Some(read) = self.number(number, 5, given) {
            *value = read as u32;
        }
    }

    /// A number of 64 bits, at its full length.
    pub fn fixed64(&mut self, number: u64, value: &mut u64) {
        let given = (*value != 0).then_some(*value);
        if let Some(read) = self.number(number, 1, given) {
            *value = read;
        }
    }

    /// 64 bits that are there or not.
    pub fn optional64(&mut self, number: u64, value: &mut Option<u64>) {
        if let Some(read) = self.number(number, 1, *value) {
            *value = Some(read);
        }
    }

    /// A double that is there or not.
    pub fn double(&mut self, number: u64, value: &mut Option<f64>) {
        if let Some(read) = self.number(number, 1, value.map(f64::to_bits)) {
            *value = Some(f64::from_bits(read));
        }
    }

    /// A signed number in zigzag.
    pub fn sint32(&mut self, number: u64, value: &mut i32) {
        let zigzag = ((*value << 1) ^ (*value >> 31)) as u32;
        let given = (zigzag != 0).then_some(u64::from(zigzag));
        if let Some(read) = self.number(number, 0, given) {
            let read = read as u32;
            *value = (read >> 1) as i32 ^ -((read & 1) as i32);
        }
    }

    /// A packed list of 64 bits each.
    pub fn packed64(&mut self, number: u64, values: &mut Vec<u64>) {
        let given: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        let given = Some(given).filter(|given| !given.is_empty());
        if let Some(read) = self.bytes(number, given.as_deref()) {
            let (words, _) = read.as_chunks::<8>();
            values.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
        }
    }

    /// A value of any kind.
    pub fn any_value(&mut self, number: u64, value: &mut Option<Attr>) {
        let mut given = None;
        if let Some(attr) = value {
            let mut encoded = Vec::new();
            attr.with_value(&mut |value| nested::encode(&mut encoded, &value));
            given = Some(encoded);
        }
        if let Some(read) = self.bytes(number, given.as_deref()) {
            *value = Attr::from_value(nested::any_value(read));
        }
    }

    /// An attribute list.
    pub fn attributes(&mut self, number: u64, attributes: &mut AttrList) {
        if let Io::Write(out) = self {
            for (key, attr) in attributes {
                let mut entry = Vec::new();
                nested::push_bytes(&mut entry, 1, key.as_bytes());
                attr.with_value(&mut |value| {
                    let mut encoded = Vec::new();
                    nested::encode(&mut encoded, &value);
                    nested::push_bytes(&mut entry, 2, &encoded);
                });
                nested::push_bytes(out, number, &entry);
            }
        } else if let Some(read) = self.bytes(number, None) {
            let (key, value): (&str, Value<'_>) = nested::key_value(read);
            attributes.extend(Attr::from_value(value).map(|value| (key.to_owned(), value)));
        }
    }

    /// Messages of one kind.
    pub fn messages<M: Message>(&mut self, number: u64, messages: &mut Vec<M>) {
        self.each(number, messages, M::fields);
    }

    /// Messages whose fields depend on what they stand in.
    pub fn each<M: Default>(
        &mut self,
        number: u64,
        messages: &mut Vec<M>,
        mut fields: impl FnMut(&mut M, &mut Io<'_>),
    ) {
        if let Io::Write(out) = self {
            for message in messages {
                let mut inner = Vec::new();
                fields(message, &mut Io::Write(&mut inner));
                nested::push_bytes(out, number, &inner);
            }
        } else if let Some(bytes) = self.bytes(number, None) {
            let mut message = M::default();
            read(bytes, |io| fields(&mut message, io));
            messages.push(message);
        }
    }

    /// A message whose fields are kept in this one's type. Written if it has any, or if it is `there`.
    pub fn nested(&mut self, number: u64, there: bool, mut fields: impl FnMut(&mut Io<'_>)) {
        match self {
            Io::Write(out) => {
                let mut inner = Vec::new();
                fields(&mut Io::Write(&mut inner));
                if there || !inner.is_empty() {
                    nested::push_bytes(out, number, &inner);
                }
            }
            Io::Read(found, Field::Bytes(bytes)) if *found == number => read(bytes, fields),
            Io::Read(..) => {}
        }
    }

    /// Whether a field is the one that was read.
    pub fn reads(&self, number: u64) -> bool {
        matches!(self, Io::Read(found, _) if *found == number)
    }
}
