//! Go's `fmt.Sprintf`, as far as OTTL's values go: <https://pkg.go.dev/fmt#hdr-Printing>.

mod flags;
mod float;
mod quoted;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use self::flags::{Flags, pad};
use self::quoted::{quoted, quoted_character};
use super::strptime;
use crate::datum::{Datum, hex};

/// Wider than this nothing is made.
const MOST_WIDTH: usize = 10_000;
/// Widths and precisions beyond it are none to Go.
const LARGEST: i64 = 1_000_000;

/// A text with values in the places of `%s`, `%d` and so on.
pub(super) fn sprintf(format: &str, values: &[Datum<'_>]) -> String {
    let mut printer = Printer {
        out: String::new(),
        rest: format,
        values,
        next: 0,
        is_reordered: false,
        is_good_index: true,
    };
    while let Some((before, behind)) = printer.rest.split_once('%') {
        printer.out.push_str(before);
        printer.rest = behind;
        printer.directive();
    }
    printer.out.push_str(printer.rest);
    printer.extra();
    printer.out
}

/// A format as it is gone through.
struct Printer<'a> {
    out: String,
    rest: &'a str,
    values: &'a [Datum<'a>],
    /// The value that the next verb takes.
    next: usize,
    /// Whether a verb has said which value it takes.
    is_reordered: bool,
    /// Whether the verb at hand has not said anything wrong of it.
    is_good_index: bool,
}

impl Printer<'_> {
    fn take(&mut self, wanted: char) -> bool {
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// What stands behind a `%`.
    fn directive(&mut self) {
        self.is_good_index = true;
        let mut flags = Flags::default();
        loop {
            match self.rest.as_bytes().first() {
                Some(b'+') => flags.plus = true,
                Some(b'-') => flags.minus = true,
                Some(b'#') => flags.sharp = true,
                Some(b' ') => flags.space = true,
                Some(b'0') => flags.zero = true,
                _ => break,
            }
            self.rest = &self.rest[1..];
        }
        let mut behind_index = self.index();
        if self.take('*') {
            match self.number_of_value() {
                Some(width) => {
                    if width < 0 {
                        (flags.minus, flags.zero) = (true, false);
                    }
                    flags.width = Some(width.unsigned_abs() as usize);
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
            behind_index = false;
        } else {
            flags.width = self.number();
            self.is_good_index &= !(behind_index && flags.width.is_some());
        }
        if self.take('.') {
            self.is_good_index &= !behind_index;
            behind_index = self.index();
            if self.take('*') {
                let precision = self.number_of_value();
                flags.precision = precision.and_then(|precision| usize::try_from(precision).ok());
                if flags.precision.is_none() {
                    self.out.push_str("%!(BADPREC)");
                }
                behind_index = false;
            } else {
                flags.precision = Some(self.number().unwrap_or(0));
            }
        }
        if !behind_index {
            self.index();
        }
        let bounded = |number: Option<usize>| number.map(|number| number.min(MOST_WIDTH));
        (flags.width, flags.precision) = (bounded(flags.width), bounded(flags.precision));
        let mut characters = self.rest.chars();
        let Some(verb) = characters.next() else {
            return self.out.push_str("%!(NOVERB)");
        };
        self.rest = characters.as_str();
        let _ = match (verb, self.values.get(self.next)) {
            ('%', _) => write!(self.out, "%"),
            _ if !self.is_good_index => write!(self.out, "%!{verb}(BADINDEX)"),
            (_, None) => write!(self.out, "%!{verb}(MISSING)"),
            (_, Some(value)) => {
                self.next += 1;
                if verb == 'v' {
                    flags.sharp_v = flags.sharp;
                    (flags.sharp, flags.plus) = (false, false);
                }
                print(&mut self.out, verb, &flags, value);
                Ok(())
            }
        };
    }

    /// A value's number in brackets, from 1 on. Returns whether there is one.
    fn index(&mut self) -> bool {
        let Some(behind) = self.rest.strip_prefix('[') else {
            return false;
        };
        self.is_reordered = true;
        let Some((number, rest)) = behind.split_once(']') else {
            self.is_good_index = false;
            self.rest = behind;
            return false;
        };
        self.rest = rest;
        let is_number = !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit());
        let index = number.parse().ok().filter(|_| is_number);
        match index.and_then(|index: usize| index.checked_sub(1)) {
            Some(index) if index < self.values.len() => {
                self.next = index;
                true
            }
            _ => {
                self.is_good_index = false;
                is_number
            }
        }
    }

    /// A number as it is written.
    fn number(&mut self) -> Option<usize> {
        let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let number = number.parse().ok()?;
        (number <= LARGEST as usize).then_some(number)
    }

    /// The next value, if it is a number that a width may be.
    fn number_of_value(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        match value {
            Datum::Int(number) if (-LARGEST..=LARGEST).contains(number) => Some(*number),
            _ => None,
        }
    }

    /// Values that no verb has taken.
    fn extra(&mut self) {
        let extra = self.values.get(self.next..).unwrap_or(&[]);
        if !self.is_reordered && !extra.is_empty() {
            let extra: Vec<String> = extra.iter().map(typed).collect();
            let _ = write!(self.out, "%!(EXTRA {})", extra.join(", "));
        }
    }
}

/// `int64=5`, as Go shows what it did not expect.
fn typed(value: &Datum<'_>) -> String {
    let name = name(value);
    match value {
        Datum::Nil => name.to_owned(),
        value => format!("{name}={}", plain(value)),
    }
}

/// The name of a value's type in Go.
fn name(value: &Datum<'_>) -> &'static str {
    match value {
        Datum::Nil => "<nil>",
        Datum::Bool(_) => "bool",
        Datum::Int(_) => "int64",
        Datum::Float(_) => "float64",
        Datum::Text(_) => "string",
        Datum::Bytes(_) => "[]uint8",
        Datum::List(_) => "pcommon.Slice",
        Datum::Map(_) => "pcommon.Map",
        Datum::TraceId(_) => "pcommon.TraceID",
        Datum::SpanId(_) => "pcommon.SpanID",
        Datum::Time(_) => "time.Time",
        Datum::Duration(_) => "time.Duration",
    }
}

/// A value with `%v`.
fn plain(value: &Datum<'_>) -> String {
    match value {
        Datum::Nil => "<nil>".to_owned(),
        Datum::Float(number) => float::shortest(*number),
        Datum::Bytes(bytes) => {
            let numbers: Vec<String> = bytes.iter().map(u8::to_string).collect();
            format!("[{}]", numbers.join(" "))
        }
        Datum::TraceId([high, low]) => format!("{high:016x}{low:016x}"),
        Datum::SpanId(id) => format!("{id:016x}"),
        Datum::Duration(nanoseconds) => super::time::duration_text(*nanoseconds),
        Datum::Time(moment) => strptime::shown(moment),
        value => match value.text_like() {
            Ok(Some(text)) => text.into_owned(),
            _ => String::new(),
        },
    }
}

/// Writes a value by a verb.
fn print(out: &mut String, verb: char, flags: &Flags, value: &Datum<'_>) {
    let written = match (verb, value) {
        ('T', value) => text(out, 's', flags, name(value).as_bytes()),
        ('v', Datum::Nil) | ('t' | 'v', Datum::Bool(_)) => {
            pad(out, flags, &plain(value));
            true
        }
        ('d', Datum::Duration(number)) | (_, Datum::Int(number)) => {
            whole(out, verb, flags, *number)
        }
        (_, Datum::Float(number)) => float::print(out, verb, flags, *number),
        (_, Datum::Text(string)) => text(out, verb, flags, string.as_bytes()),
        ('v' | 'd', Datum::Bytes(bytes)) => {
            out.push('[');
            for (at, &byte) in bytes.iter().enumerate() {
                out.extend((at > 0).then_some(' '));
                whole(out, 'd', flags, byte.into());
            }
            out.push(']');
            true
        }
        (_, Datum::Bytes(bytes)) => text(out, verb, flags, bytes),
        // What has a `String()` in Go.
        (
            'v' | 's' | 'q' | 'x' | 'X',
            Datum::Duration(_) | Datum::Time(_) | Datum::TraceId(_) | Datum::SpanId(_),
        ) => text(out, verb, flags, plain(value).as_bytes()),
        ('v', value) => {
            out.push_str(&plain(value));
            true
        }
        _ => false,
    };
    if !written {
        let _ = write!(out, "%!{verb}({})", typed(value));
    }
}

/// Writes a text; `false` for a verb that is not of texts.
fn text(out: &mut String, verb: char, flags: &Flags, bytes: &[u8]) -> bool {
    let string = || {
        let text = String::from_utf8_lossy(bytes);
        let length = flags.precision.unwrap_or(usize::MAX);
        text.chars().take(length).collect::<String>()
    };
    match verb {
        'v' if flags.sharp_v => pad(out, flags, &quoted(string().as_bytes(), false, false)),
        'v' | 's' => pad(out, flags, &string()),
        'q' => {
            let text = match flags.precision {
                Some(_) => string().into_bytes(),
                None => bytes.to_vec(),
            };
            pad(out, flags, &quoted(&text, flags.plus, flags.sharp));
        }
        'x' | 'X' => {
            let length = flags.precision.unwrap_or(usize::MAX).min(bytes.len());
            let digits = bytes.get(..length).unwrap_or(bytes);
            let prefix = if flags.sharp { "0x" } else { "" };
            let digits = match flags.space {
                true => {
                    let each = digits
                        .chunks(1)
                        .map(|byte| format!("{prefix}{}", hex(byte)));
                    each.collect::<Vec<_>>().join(" ")
                }
                false if digits.is_empty() => String::new(),
                false => format!("{prefix}{}", hex(digits)),
            };
            let digits = match verb {
                'X' => digits.to_uppercase(),
                _ => digits,
            };
            pad(out, flags, &digits);
        }
        _ => return false,
    }
    true
}

/// Writes a whole number; `false` for a verb that is not of them.
fn whole(out: &mut String, verb: char, flags: &Flags, number: i64) -> bool {
    let unpadded = Flags {
        zero: false,
        ..*flags
    };
    let as_character = u32::try_from(number).ok().and_then(char::from_u32);
    let character = as_character.unwrap_or('\u{fffd}');
    let magnitude = number.unsigned_abs();
    let (prefix, digits) = match verb {
        'd' | 'v' => ("", magnitude.to_string()),
        'b' => ("0b", format!("{magnitude:b}")),
        'o' | 'O' => ("0", format!("{magnitude:o}")),
        'x' => ("0x", format!("{magnitude:x}")),
        'X' => ("0X", format!("{magnitude:X}")),
        'c' => {
            pad(out, flags, character.encode_utf8(&mut [0; 4]));
            return true;
        }
        'q' => {
            pad(out, flags, &quoted_character(character, flags.plus));
            return true;
        }
        'U' => {
            let digits = flags.precision.unwrap_or(4).max(4);
            let mut text = format!("U+{number:0digits$X}");
            if flags.sharp && as_character.is_some_and(quoted::is_shown) {
                let _ = write!(text, " '{character}'");
            }
            pad(out, &unpadded, &text);
            return true;
        }
        _ => return false,
    };
    let sign = match () {
        () if number < 0 => "-",
        () if flags.plus => "+",
        () if flags.space => " ",
        () => "",
    };
    let least = match flags.precision {
        // Nothing but padding.
        Some(0) if number == 0 => {
            pad(out, &unpadded, "");
            return true;
        }
        Some(precision) => precision,
        None if flags.zero && !flags.minus => flags.width.unwrap_or(0).saturating_sub(sign.len()),
        None => 0,
    };
    let digits = format!("{digits:0>least$}");
    let prefix = match verb {
        'O' => "0o",
        'o' if digits.starts_with('0') => "",
        _ if flags.sharp => prefix,
        _ => "",
    };
    // An octal prefix is one of both: `%#O` has `0o0`.
    let digits = match (verb, flags.sharp) {
        ('O', true) if !digits.starts_with('0') => format!("0{digits}"),
        _ => digits,
    };
    pad(out, &unpadded, &format!("{sign}{prefix}{digits}"));
    true
}
