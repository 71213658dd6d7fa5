//! Base64, and texts of other encodings than UTF-8.

use base64::Engine as _;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use crate::coerce::Kind::{Any, Text};
use crate::datum::{Datum, Failure};
use crate::function::Make::{Plain, Prepared};
use crate::function::{
    Answer, Constants, Function, Input, Signature, converter, function, may_take, takes,
};

pub(super) static FUNCTIONS: &[Signature] = &[
    converter(
        "Base64Decode",
        &[takes("target", Text)],
        Plain(|input| decoded(&STANDARD, input.text(0)?.as_bytes())),
    ),
    converter(
        "Base64Encode",
        &[takes("target", Text), may_take("variant", Text)],
        Plain(base64_encode),
    ),
    converter(
        "Decode",
        &[takes("target", Any), takes("encoding", Text)],
        Prepared(decode),
    ),
];

fn variant(name: &str) -> Option<&'static GeneralPurpose> {
    Some(match name {
        "base64" => &STANDARD,
        "base64-raw" => &STANDARD_NO_PAD,
        "base64-url" => &URL_SAFE,
        "base64-raw-url" => &URL_SAFE_NO_PAD,
        _ => return None,
    })
}

fn base64_encode<'a>(input: &Input<'_, 'a>) -> Answer<'a> {
    let engine = match input.value(1) {
        Datum::Text(name) => variant(name),
        _ => Some(&STANDARD),
    };
    let engine = engine.ok_or("Base64Encode got a variant that is not known")?;
    Ok(Datum::text(engine.encode(input.text(0)?)))
}

/// Base64, which Go reads with line breaks in it.
fn decoded(engine: &GeneralPurpose, text: &[u8]) -> Result<Datum<'static>, Failure> {
    let text: Vec<u8> = text
        .iter()
        .filter(|byte| !matches!(byte, b'\r' | b'\n'))
        .copied()
        .collect();
    let bytes = engine
        .decode(text)
        .map_err(|_| "a function got a string that is not base64")?;
    Ok(Datum::text(String::from_utf8_lossy(&bytes)))
}

/// An encoding of texts.
#[derive(Debug, Clone, Copy)]
enum Encoding {
    Base64(&'static GeneralPurpose),
    Utf8,
    Latin1,
    Windows1252,
    Utf16 { is_big_endian: bool },
}

const KNOWN: &str = "base64, base64-raw, base64-url, base64-raw-url, utf-8, us-ascii, iso-8859-1, windows-1252, utf-16, utf-16le, utf-16be";

fn encoding(name: &str) -> Option<Encoding> {
    if let Some(engine) = variant(name) {
        return Some(Encoding::Base64(engine));
    }
    Some(match name.to_ascii_lowercase().as_str() {
        // ASCII is read as UTF-8, as in the Collector.
        "utf-8" | "utf8" | "nop" | "" | "us-ascii" | "ascii" => Encoding::Utf8,
        "iso-8859-1" | "latin1" => Encoding::Latin1,
        "windows-1252" | "cp1252" => Encoding::Windows1252,
        "utf-16" | "utf16" | "utf-16le" | "utf16le" => Encoding::Utf16 {
            is_big_endian: false,
        },
        "utf-16be" | "utf16be" => Encoding::Utf16 {
            is_big_endian: true,
        },
        _ => return None,
    })
}

fn decode(constants: &Constants<'_>) -> Result<Function, String> {
    let known = match constants.text("encoding") {
        Some(name) => Some(encoding(name).ok_or_else(|| format!("the encodings are {KNOWN}"))?),
        None => None,
    };
    Ok(function(move |input| {
        let encoding = match known {
            Some(encoding) => encoding,
            None => encoding(input.text(1)?).ok_or("Decode got an encoding that is not known")?,
        };
        match input.value(0) {
            Datum::Text(text) => read(encoding, text.as_bytes()),
            Datum::Bytes(bytes) => read(encoding, bytes),
            _ => Err("Decode takes bytes or a string"),
        }
    }))
}

/// What windows-1252 has from 0x80 to 0x9f.
const WINDOWS: [char; 32] = [
    '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
    '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
];

fn read(encoding: Encoding, bytes: &[u8]) -> Result<Datum<'static>, Failure> {
    Ok(Datum::text(match encoding {
        Encoding::Base64(engine) => return decoded(engine, bytes),
        Encoding::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
        Encoding::Latin1 => bytes.iter().map(|&byte| char::from(byte)).collect(),
        Encoding::Windows1252 => bytes
            .iter()
            .map(|&byte| match byte {
                0x80..=0x9f => WINDOWS[usize::from(byte) - 0x80],
                byte => char::from(byte),
            })
            .collect(),
        Encoding::Utf16 { is_big_endian } => {
            let units = bytes.chunks(2).map(|unit| match (unit, is_big_endian) {
                ([one, two], true) => u16::from_be_bytes([*one, *two]),
                ([one, two], false) => u16::from_le_bytes([*one, *two]),
                _ => 0xfffd,
            });
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or('\u{fffd}'))
                .collect()
        }
    }))
}
