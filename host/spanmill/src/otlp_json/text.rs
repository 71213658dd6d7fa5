//! JSON, written from protobuf where it lies.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::NotProtobuf;
use super::tables::{Field, Kind, Message, Rule};

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const DELIMITED: u8 = 2;
const FIXED32: u8 = 5;

/// As deep as what is received may be, and a little more for what is written around it.
const DEPTH: usize = 110;

/// Adds a message to a text.
pub(super) fn write(
    protobuf: &[u8],
    message: &'static Message,
    out: &mut Vec<u8>,
) -> Result<(), NotProtobuf> {
    out.reserve(protobuf.len().saturating_mul(2));
    let mut walk = Walk {
        out,
        found: Vec::new(),
    };
    walk.message(protobuf, message, DEPTH)
}

struct Walk<'o> {
    out: &'o mut Vec<u8>,
    /// The fields found in the messages that are being written, the outermost first.
    found: Vec<Found>,
}

/// A known field of a message.
#[derive(Clone, Copy)]
struct Found {
    /// Which it is, by the table.
    field: usize,
    value: Wire,
}

/// What a field holds.
#[derive(Clone, Copy)]
enum Wire {
    Number(u64),
    /// Where its bytes are in the message.
    Bytes(usize, usize),
}

impl Walk<'_> {
    fn message(
        &mut self,
        bytes: &[u8],
        message: &'static Message,
        left: usize,
    ) -> Result<(), NotProtobuf> {
        let left = left.checked_sub(1).ok_or(NotProtobuf)?;
        let first = self.found.len();
        self.find(bytes, message)?;
        let mut at = first;
        let mut separator = b'{';
        while let Some(&Found { field: number, .. }) = self.found.get(at) {
            let end = self.found.get(at..).unwrap_or_default();
            let count = end.iter().take_while(|next| next.field == number).count();
            let field = message.fields.get(number).ok_or(NotProtobuf)?;
            self.out.push(separator);
            separator = b',';
            // Names have nothing to escape.
            self.out.push(b'"');
            self.out.extend_from_slice(field.name.as_bytes());
            self.out.extend_from_slice(b"\":");
            self.field(bytes, field, at, count, left)?;
            at += count;
        }
        if separator == b'{' {
            self.out.push(b'{');
        }
        self.out.push(b'}');
        self.found.truncate(first);
        Ok(())
    }

    /// Finds a message's fields, those of one name together.
    fn find(&mut self, bytes: &[u8], message: &'static Message) -> Result<(), NotProtobuf> {
        let first = self.found.len();
        let mut reader = Reader { bytes, at: 0 };
        let mut chosen = None;
        while reader.at < bytes.len() {
            let (number, wire) = reader.tag()?;
            let value = reader.value(wire)?;
            let known = message.fields.iter().position(|f| f.number == number);
            let (Some(at), Some(value)) = (known, value) else {
                continue;
            };
            if message
                .fields
                .get(at)
                .is_some_and(|f| f.rule == Rule::Choice)
            {
                // The last of a choice counts.
                if chosen.is_some_and(|before| before != at) {
                    self.found.truncate(first);
                }
                chosen = Some(at);
            }
            self.found.push(Found { field: at, value });
        }
        let found = self.found.get_mut(first..).unwrap_or_default();
        if !found.is_sorted_by_key(|found| found.field) {
            found.sort_by_key(|found| found.field);
        }
        Ok(())
    }

    /// Writes what was found of one field, `count` times from `at` on.
    fn field(
        &mut self,
        bytes: &[u8],
        field: &'static Field,
        at: usize,
        count: usize,
        left: usize,
    ) -> Result<(), NotProtobuf> {
        let values = at..at + count;
        if field.rule == Rule::Repeated {
            self.out.push(b'[');
            let mut is_first = true;
            for at in values {
                let value = self.value_at(at)?;
                self.items(bytes, field, value, left, &mut is_first)?;
            }
            self.out.push(b']');
            return Ok(());
        }
        match field.kind {
            // Sent in parts: decoders put them together.
            Kind::Message(_) if count > 1 => {
                let mut joined = Vec::new();
                for at in values {
                    joined.extend_from_slice(slice(bytes, self.value_at(at)?)?);
                }
                let whole = Wire::Bytes(0, joined.len());
                self.value(&joined, field, whole, left)
            }
            _ => {
                let value = self.value_at(at + count - 1)?;
                self.value(bytes, field, value, left)
            }
        }
    }

    fn value_at(&self, at: usize) -> Result<Wire, NotProtobuf> {
        self.found
            .get(at)
            .map(|found| found.value)
            .ok_or(NotProtobuf)
    }

    /// Writes an item of a list, or many that stand packed.
    fn items(
        &mut self,
        bytes: &[u8],
        field: &'static Field,
        value: Wire,
        left: usize,
        is_first: &mut bool,
    ) -> Result<(), NotProtobuf> {
        let packed = match (field.kind, value) {
            (Kind::Message(_) | Kind::Text | Kind::Bytes | Kind::Id(_), _) => None,
            (_, Wire::Bytes(..)) => Some(slice(bytes, value)?),
            _ => None,
        };
        let mut separate = |out: &mut Vec<u8>| {
            if !std::mem::take(is_first) {
                out.push(b',');
            }
        };
        let Some(packed) = packed else {
            separate(self.out);
            return self.value(bytes, field, value, left);
        };
        let mut reader = Reader {
            bytes: packed,
            at: 0,
        };
        while reader.at < packed.len() {
            separate(self.out);
            let value = reader.value(wire_of(field.kind))?.ok_or(NotProtobuf)?;
            self.value(packed, field, value, left)?;
        }
        Ok(())
    }

    fn value(
        &mut self,
        bytes: &[u8],
        field: &'static Field,
        value: Wire,
        left: usize,
    ) -> Result<(), NotProtobuf> {
        if let Kind::Message(message) = field.kind {
            return self.message(slice(bytes, value)?, message, left);
        }
        if let Kind::Text = field.kind {
            let text = std::str::from_utf8(slice(bytes, value)?).map_err(|_| NotProtobuf)?;
            return serde_json::to_writer(&mut *self.out, text).map_err(|_| NotProtobuf);
        }
        let out = &mut *self.out;
        if let Kind::Bytes | Kind::Id(_) = field.kind {
            let bytes = slice(bytes, value)?;
            out.push(b'"');
            match field.kind {
                Kind::Bytes => out.extend_from_slice(STANDARD.encode(bytes).as_bytes()),
                _ => hexadecimal(bytes, out),
            }
            out.push(b'"');
            return Ok(());
        }
        let Wire::Number(number) = value else {
            return Err(NotProtobuf);
        };
        let written = match field.kind {
            Kind::Bool => write!(out, "{}", number != 0),
            Kind::Int64 | Kind::Sfixed64 => write!(out, "\"{}\"", number.cast_signed()),
            Kind::Uint64 | Kind::Fixed64 => write!(out, "\"{number}\""),
            // Decoders cut these to their 32 bits.
            Kind::Uint32 | Kind::Fixed32 => write!(out, "{}", number as u32),
            Kind::Enum(_) => write!(out, "{}", number as i32),
            Kind::Sint32 => {
                let zigzag = number as u32;
                write!(
                    out,
                    "{}",
                    (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed()
                )
            }
            Kind::Double => double(f64::from_bits(number), out),
            Kind::Message(_) | Kind::Text | Kind::Bytes | Kind::Id(_) => return Err(NotProtobuf),
        };
        written.map_err(|_| NotProtobuf)
    }
}

/// How a scalar stands in a packed list.
fn wire_of(kind: Kind) -> u8 {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => FIXED64,
        Kind::Fixed32 => FIXED32,
        _ => VARINT,
    }
}

fn slice(bytes: &[u8], value: Wire) -> Result<&[u8], NotProtobuf> {
    match value {
        Wire::Bytes(start, end) => bytes.get(start..end).ok_or(NotProtobuf),
        Wire::Number(_) => Err(NotProtobuf),
    }
}

/// What proto3's JSON calls a double that JSON has no number for.
pub(crate) fn name_of_double(value: f64) -> Option<&'static str> {
    match value {
        _ if value.is_nan() => Some("NaN"),
        f64::INFINITY => Some("Infinity"),
        f64::NEG_INFINITY => Some("-Infinity"),
        _ => None,
    }
}

fn double(value: f64, out: &mut Vec<u8>) -> std::io::Result<()> {
    match name_of_double(value) {
        Some(name) => write!(out, "\"{name}\""),
        None => serde_json::to_writer(out, &value).map_err(std::io::Error::from),
    }
}

fn hexadecimal(bytes: &[u8], out: &mut Vec<u8>) {
    let digit = |nibble: u8| match nibble {
        0..=9 => b'0' + nibble,
        _ => b'a' + nibble - 10,
    };
    for byte in bytes {
        out.push(digit(byte >> 4));
        out.push(digit(byte & 0xf));
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn tag(&mut self) -> Result<(u32, u8), NotProtobuf> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| NotProtobuf)?;
        Ok((number, (key & 7) as u8))
    }

    /// Reads a value; nothing of a group, which OTLP has none of, but the fields in it are stepped over one by one.
    fn value(&mut self, wire: u8) -> Result<Option<Wire>, NotProtobuf> {
        match wire {
            VARINT => self.varint().map(|value| Some(Wire::Number(value))),
            FIXED64 => self
                .fixed::<8>()
                .map(|bytes| Some(Wire::Number(u64::from_le_bytes(bytes)))),
            FIXED32 => self
                .fixed::<4>()
                .map(|bytes| Some(Wire::Number(u32::from_le_bytes(bytes).into()))),
            DELIMITED => {
                let length = usize::try_from(self.varint()?).map_err(|_| NotProtobuf)?;
                let start = self.at;
                let end = start.checked_add(length).ok_or(NotProtobuf)?;
                if end > self.bytes.len() {
                    return Err(NotProtobuf);
                }
                self.at = end;
                Ok(Some(Wire::Bytes(start, end)))
            }
            3 => self.skip_group().map(|()| None),
            _ => Err(NotProtobuf),
        }
    }

    /// Steps over a group, and those inside it.
    fn skip_group(&mut self) -> Result<(), NotProtobuf> {
        let mut open = 1_usize;
        while open > 0 {
            match self.tag()? {
                (_, 3) => open += 1,
                (_, 4) => open -= 1,
                (_, wire) => drop(self.value(wire)?),
            }
        }
        Ok(())
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], NotProtobuf> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        let bytes = rest.first_chunk::<N>().ok_or(NotProtobuf)?;
        self.at += N;
        Ok(*bytes)
    }

    fn varint(&mut self) -> Result<u64, NotProtobuf> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.bytes.get(self.at).ok_or(NotProtobuf)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(NotProtobuf)
    }
}
