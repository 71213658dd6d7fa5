//! Values that are no messages, as proto3's JSON writes them, and as protobuf does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::tables::{Field, Kind, Rule};
use super::write::Writer;

/// A value of JSON that is neither an object nor a list.
#[derive(Clone, Copy)]
pub(super) enum Scalar<'t> {
    Bool(bool),
    /// A number without fraction or exponent.
    Whole(i128),
    Fraction(f64),
    Text(&'t str),
}

/// The value is none that the field may have.
pub(super) struct Unfit;

/// Writes a scalar as a field's value.
pub(super) fn write(writer: &mut Writer, field: &Field, value: Scalar<'_>) -> Result<(), Unfit> {
    let number = field.number;
    let is_written = |is_default: bool| field.rule != Rule::Single || !is_default;
    match field.kind {
        Kind::Message(_) => return Err(Unfit),
        Kind::Text => {
            let Scalar::Text(text) = value else {
                return Err(Unfit);
            };
            if is_written(text.is_empty()) {
                writer.delimited(number, text.as_bytes());
            }
        }
        Kind::Bytes => {
            let Scalar::Text(text) = value else {
                return Err(Unfit);
            };
            let bytes = STANDARD.decode(text).map_err(|_| Unfit)?;
            if is_written(bytes.is_empty()) {
                writer.delimited(number, &bytes);
            }
        }
        Kind::Id(length) => {
            let Scalar::Text(text) = value else {
                return Err(Unfit);
            };
            if !text.is_empty() {
                id(writer, number, text, length)?;
            }
        }
        Kind::Bool => {
            let Scalar::Bool(value) = value else {
                return Err(Unfit);
            };
            if is_written(!value) {
                writer.varint(number, u64::from(value));
            }
        }
        Kind::Int64 => {
            let value: i64 = whole(value)?;
            if is_written(value == 0) {
                writer.varint(number, value.cast_unsigned());
            }
        }
        Kind::Uint64 => {
            let value: u64 = whole(value)?;
            if is_written(value == 0) {
                writer.varint(number, value);
            }
        }
        Kind::Sint32 => {
            let value: i32 = whole(value)?;
            if is_written(value == 0) {
                let zigzag = (value << 1) ^ (value >> 31);
                writer.varint(number, u64::from(zigzag.cast_unsigned()));
            }
        }
        Kind::Sfixed64 => {
            let value: i64 = whole(value)?;
            if is_written(value == 0) {
                writer.fixed64(number, value.cast_unsigned());
            }
        }
        Kind::Uint32 => {
            let value: u32 = whole(value)?;
            if is_written(value == 0) {
                writer.varint(number, u64::from(value));
            }
        }
        Kind::Fixed32 => {
            let value: u32 = whole(value)?;
            if is_written(value == 0) {
                writer.fixed32(number, value);
            }
        }
        Kind::Fixed64 => {
            let value: u64 = whole(value)?;
            if is_written(value == 0) {
                writer.fixed64(number, value);
            }
        }
        Kind::Double => {
            let value = double(value)?;
            // Minus zero is not the default.
            if is_written(value.to_bits() == 0) {
                writer.fixed64(number, value.to_bits());
            }
        }
        Kind::Enum(names) => {
            let value: i32 = match value {
                Scalar::Whole(value) => i32::try_from(value).map_err(|_| Unfit)?,
                Scalar::Text(text) => {
                    let known = names.iter().find(|(name, _)| *name == text);
                    known.map(|(_, value)| *value).ok_or(Unfit)?
                }
                _ => return Err(Unfit),
            };
            if is_written(value == 0) {
                writer.varint(number, i64::from(value).cast_unsigned());
            }
        }
    }
    Ok(())
}

/// What a field's value must be, for messages.
pub(super) fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Message(_) => "an object",
        Kind::Text => "a string",
        Kind::Bytes => "a string in base64",
        Kind::Id(16) => "a string of 32 hexadecimal digits, or empty",
        Kind::Id(8) => "a string of 16 hexadecimal digits, or empty",
        Kind::Id(_) => "an id in hexadecimal digits, or empty",
        Kind::Bool => "true or false",
        Kind::Int64 | Kind::Sfixed64 => "a whole number of 64 bits, in quotes or not",
        Kind::Sint32 => "a whole number of 32 bits, in quotes or not",
        Kind::Fixed64 | Kind::Uint64 => {
            "a whole number of 64 bits and not negative, in quotes or not"
        }
        Kind::Uint32 | Kind::Fixed32 => {
            "a whole number of 32 bits and not negative, in quotes or not"
        }
        Kind::Double => "a number, in quotes or not, or \"NaN\", \"Infinity\" or \"-Infinity\"",
        Kind::Enum(_) => "the number or the name of one of its values",
    }
}

/// A whole number, in quotes or not. An exponent or a fraction of zero is a fraction, as the Collector has it.
fn whole<T: TryFrom<i128>>(value: Scalar<'_>) -> Result<T, Unfit> {
    let value = match value {
        Scalar::Whole(value) => value,
        Scalar::Text(text) if !text.starts_with('+') => text.parse::<i128>().map_err(|_| Unfit)?,
        _ => return Err(Unfit),
    };
    T::try_from(value).map_err(|_| Unfit)
}

fn double(value: Scalar<'_>) -> Result<f64, Unfit> {
    match value {
        Scalar::Whole(value) => Ok(value as f64),
        Scalar::Fraction(value) => Ok(value),
        Scalar::Text("NaN") => Ok(f64::NAN),
        Scalar::Text("Infinity") => Ok(f64::INFINITY),
        Scalar::Text("-Infinity") => Ok(f64::NEG_INFINITY),
        Scalar::Text(text) => {
            // Rust would read further names for what is no number.
            let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
                && text
                    .chars()
                    .all(|c| matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
            let value = text.parse::<f64>().ok().filter(|_| is_number);
            value.filter(|value| value.is_finite()).ok_or(Unfit)
        }
        Scalar::Bool(_) => Err(Unfit),
    }
}

/// Writes an id of as many bytes as it must have.
fn id(writer: &mut Writer, number: u32, text: &str, length: usize) -> Result<(), Unfit> {
    let mut bytes = [0; 16];
    let id = bytes.get_mut(..length).ok_or(Unfit)?;
    let (digits, rest) = text.as_bytes().as_chunks::<2>();
    if digits.len() != length || !rest.is_empty() {
        return Err(Unfit);
    }
    for (byte, [high, low]) in id.iter_mut().zip(digits) {
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    writer.delimited(number, id);
    Ok(())
}

fn digit(character: u8) -> Result<u8, Unfit> {
    match character {
        b'0'..=b'9' => Ok(character - b'0'),
        b'a'..=b'f' => Ok(character - b'a' + 10),
        b'A'..=b'F' => Ok(character - b'A' + 10),
        _ => Err(Unfit),
    }
}
