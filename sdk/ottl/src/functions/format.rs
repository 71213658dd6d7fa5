//! Go's `fmt.Sprintf`.

use std::fmt::Write as _;

use super::strptime;
use crate::datum::{Datum, hex};

/// What stands between `%` and its letter.
#[derive(Debug, Default, Clone, Copy)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// Wider than this nothing is made.
const MOST_WIDTH: usize = 10_000;

/// A text with values in the places of `%s`, `%d` and so on.
pub(super) fn sprintf(format: &str, values: &[Datum<'_>]) -> String {
    let mut out = String::new();
    let mut rest = format.chars().peekable();
    let mut next = 0;
    while let Some(character) = rest.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let mut flags = Flags::default();
        while let Some(flag) = rest.next_if(|flag| "+-# 0".contains(*flag)) {
            match flag {
                '+' => flags.plus = true,
                '-' => flags.minus = true,
                '#' => flags.sharp = true,
                ' ' => flags.space = true,
                _ => flags.zero = true,
            }
        }
        let mut number = || {
            let mut number = None;
            while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                let digit = digit.to_digit(10).unwrap_or(0) as usize;
                number = Some((number.unwrap_or(0) * 10 + digit).min(MOST_WIDTH));
            }
            number
        };
        flags.width = number().unwrap_or(0);
        if rest.next_if_eq(&'.').is_some() {
            let mut precision = 0;
            while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                let digit = digit.to_digit(10).unwrap_or(0) as usize;
                precision = (precision * 10 + digit).min(MOST_WIDTH);
            }
            flags.precision = Some(precision);
        }
        let Some(verb) = rest.next() else {
            out.push_str("%!(NOVERB)");
            break;
        };
        if verb == '%' {
            out.push('%');
            continue;
        }
        match values.get(next) {
            Some(value) => {
                let text = formatted(verb, &flags, value);
                pad(&mut out, &text, &flags, value);
                next += 1;
            }
            None => {
                let _ = write!(out, "%!{verb}(MISSING)");
            }
        }
    }
    if next < values.len() {
        let extra: Vec<String> = values[next..].iter().map(|value| typed(value)).collect();
        let _ = write!(out, "%!(EXTRA {})", extra.join(", "));
    }
    out
}

fn pad(out: &mut String, text: &str, flags: &Flags, value: &Datum<'_>) {
    let missing = flags.width.saturating_sub(text.chars().count());
    let is_number = matches!(value, Datum::Int(_) | Datum::Float(_));
    if flags.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if flags.zero
        && is_number
        && flags
            .precision
            .is_none_or(|_| !matches!(value, Datum::Int(_)))
    {
        let signed = text.starts_with(['-', '+', ' ']);
        let (sign, digits) = text.split_at(usize::from(signed));
        out.push_str(sign);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(digits);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
}

/// `int64=5`, as Go shows what it did not expect.
fn typed(value: &Datum<'_>) -> String {
    let name = match value {
        Datum::Nil => return "<nil>".to_owned(),
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
    };
    format!("{name}={}", plain(value))
}

/// A value with `%v`.
fn plain(value: &Datum<'_>) -> String {
    match value {
        Datum::Nil => "<nil>".to_owned(),
        Datum::Float(number) => shortest(*number, 21),
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

/// A double with as few digits as tell it from others; with an exponent below 1e-4 and from `limit` digits on.
fn shortest(number: f64, limit: i32) -> String {
    if !number.is_finite() {
        return match number {
            _ if number.is_nan() => "NaN",
            _ if number > 0.0 => "+Inf",
            _ => "-Inf",
        }
        .to_owned();
    }
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..limit).contains(&exponent) {
        return format!("{digits}{}", exponent_text(exponent));
    }
    format!("{number}")
}

fn exponent_text(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", exponent.unsigned_abs())
}

fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    format!("{digits}{}", exponent_text(exponent.parse().unwrap_or(0)))
}

fn signed(text: String, flags: &Flags) -> String {
    match (text.starts_with('-'), flags.plus, flags.space) {
        (false, true, _) => format!("+{text}"),
        (false, false, true) => format!(" {text}"),
        _ => text,
    }
}

fn formatted(verb: char, flags: &Flags, value: &Datum<'_>) -> String {
    let cut = |text: &str| match flags.precision {
        Some(precision) => text.chars().take(precision).collect(),
        None => text.to_owned(),
    };
    match (verb, value) {
        ('v', Datum::Text(text)) if flags.sharp => format!("{text:?}"),
        ('v', Datum::Int(_) | Datum::Float(_)) => signed(plain(value), flags),
        ('v' | 's', Datum::Text(text)) => cut(text),
        ('v', value) => plain(value),
        ('T', value) => match typed(value).split_once('=') {
            Some((name, _)) => name.to_owned(),
            None => "<nil>".to_owned(),
        },
        ('t', Datum::Bool(flag)) => flag.to_string(),
        ('q', Datum::Text(text)) => format!("{text:?}"),
        ('s', Datum::Bytes(bytes)) => cut(&String::from_utf8_lossy(bytes)),
        ('s', Datum::Duration(_) | Datum::Time(_) | Datum::TraceId(_) | Datum::SpanId(_)) => {
            plain(value)
        }
        ('x', Datum::Text(text)) => hex(text.as_bytes()),
        ('X', Datum::Text(text)) => hex(text.as_bytes()).to_uppercase(),
        ('x', Datum::Bytes(bytes)) => hex(bytes),
        ('X', Datum::Bytes(bytes)) => hex(bytes).to_uppercase(),
        ('d', Datum::Duration(number)) => signed(number.to_string(), flags),
        (verb, Datum::Int(number)) => {
            whole(verb, flags, *number).unwrap_or_else(|| format!("%!{verb}({})", typed(value)))
        }
        (verb, Datum::Float(number)) => {
            double(verb, flags, *number).unwrap_or_else(|| format!("%!{verb}({})", typed(value)))
        }
        (verb, value) => format!("%!{verb}({})", typed(value)),
    }
}

fn whole(verb: char, flags: &Flags, number: i64) -> Option<String> {
    let magnitude = number.unsigned_abs();
    let digits = match verb {
        'd' => magnitude.to_string(),
        'x' if flags.sharp => format!("0x{magnitude:x}"),
        'X' if flags.sharp => format!("0X{magnitude:X}"),
        'x' => format!("{magnitude:x}"),
        'X' => format!("{magnitude:X}"),
        'o' => format!("{magnitude:o}"),
        'b' => format!("{magnitude:b}"),
        'c' => {
            let character = u32::try_from(number).ok().and_then(char::from_u32);
            return Some(character.unwrap_or('\u{fffd}').to_string());
        }
        'U' => return Some(format!("U+{number:04X}")),
        _ => return None,
    };
    let missing = flags.precision.unwrap_or(0).saturating_sub(digits.len());
    let digits = format!("{}{digits}", "0".repeat(missing));
    let sign = if number < 0 { "-" } else { "" };
    Some(signed(format!("{sign}{digits}"), flags))
}

fn double(verb: char, flags: &Flags, number: f64) -> Option<String> {
    let text = match (verb, flags.precision) {
        ('f' | 'F', _) if !number.is_finite() => shortest(number, 21),
        ('f' | 'F', precision) => format!("{number:.*}", precision.unwrap_or(6)),
        ('e', precision) => scientific(number, precision.unwrap_or(6)),
        ('E', precision) => scientific(number, precision.unwrap_or(6)).to_uppercase(),
        ('g', None) => shortest(number, 21),
        ('G', None) => shortest(number, 21).to_uppercase(),
        ('g' | 'G', Some(precision)) => {
            let precision = precision.max(1);
            let text = scientific(number, precision - 1);
            let exponent = text
                .split_once('e')
                .and_then(|(_, e)| e.parse::<i32>().ok());
            let exponent = exponent.unwrap_or(0);
            let trimmed = |text: String| match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            };
            if (-4..precision as i32).contains(&exponent) {
                let behind = (precision as i32 - 1 - exponent).max(0) as usize;
                trimmed(format!("{number:.behind$}"))
            } else {
                let digits = text.split_once('e').map_or("", |(digits, _)| digits);
                format!("{}{}", trimmed(digits.to_owned()), exponent_text(exponent))
            }
        }
        _ => return None,
    };
    Some(signed(text, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_their_places_as_in_go() {
        let text = |text: &'static str| Datum::Text(text.into());
        for (format, values, expected) in [
            ("%s-%d", vec![text("a"), Datum::Int(5)], "a-5"),
            (
                "%05d|%-5d|%+d",
                vec![Datum::Int(42), Datum::Int(7), Datum::Int(3)],
                "00042|7    |+3",
            ),
            ("%6.2f", vec![Datum::Float(2.71)], "  2.71"),
            (
                "%v %v",
                vec![Datum::Float(1e21), Datum::Float(0.00001)],
                "1e+21 1e-05",
            ),
            ("%v", vec![Datum::Float(100_000.0)], "100000"),
            ("%e", vec![Datum::Float(1234.5)], "1.234500e+03"),
            ("%g", vec![Datum::Float(0.5)], "0.5"),
            ("%.3g", vec![Datum::Float(1234.5)], "1.23e+03"),
            ("%x %X", vec![Datum::Int(255), text("hi")], "ff 6869"),
            ("%q", vec![text("a\"b")], "\"a\\\"b\""),
            ("%t", vec![Datum::Bool(true)], "true"),
            ("%d", vec![text("hi")], "%!d(string=hi)"),
            ("%s", vec![Datum::Int(5)], "%!s(int64=5)"),
            ("%s", vec![Datum::Nil], "%!s(<nil>)"),
            ("%v", vec![Datum::Nil], "<nil>"),
            ("%d %d", vec![Datum::Int(1)], "1 %!d(MISSING)"),
            ("a", vec![Datum::Int(1)], "a%!(EXTRA int64=1)"),
            ("100%%", vec![], "100%"),
            ("%", vec![], "%!(NOVERB)"),
            ("%5s|%-5s|", vec![text("ab"), text("cd")], "   ab|cd   |"),
            ("%.1s", vec![text("abc")], "a"),
            ("%08.3f", vec![Datum::Float(-3.5)], "-003.500"),
            ("%v", vec![Datum::Duration(90_000_000_000)], "1m30s"),
        ] {
            assert_eq!(sprintf(format, &values), expected, "{format}");
        }
    }
}
