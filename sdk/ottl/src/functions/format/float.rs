//! Doubles as Go writes them: `strconv.FormatFloat`, with the flags of `fmt`.

use super::flags::{Flags, pad};

/// Writes a double by a verb; `false` for a verb that is not of them.
pub(super) fn print(out: &mut String, verb: char, flags: &Flags, number: f64) -> bool {
    let precision = flags.precision;
    let magnitude = number.abs();
    let digits = match verb {
        _ if !number.is_finite() => shortest(magnitude).trim_start_matches('+').to_owned(),
        'v' | 'g' | 'G' => match precision {
            None => shortest(magnitude),
            Some(precision) => general(magnitude, precision.max(1)),
        },
        'f' | 'F' => format!("{magnitude:.*}", precision.unwrap_or(6)),
        'e' | 'E' => scientific(magnitude, precision.unwrap_or(6)),
        'x' | 'X' => hexadecimal(magnitude, precision),
        'b' => {
            let (mantissa, exponent) = parts(magnitude);
            format!("{mantissa}p{exponent:+}")
        }
        _ => return false,
    };
    if !"vgGfFeExXb".contains(verb) {
        return false;
    }
    let digits = match verb {
        'G' | 'E' | 'X' if number.is_finite() => digits.to_uppercase(),
        _ => digits,
    };
    let is_negative = number.is_sign_negative() && !number.is_nan();
    let sign = match () {
        () if is_negative => "-",
        () if flags.plus => "+",
        () if flags.space => " ",
        // Infinity is never without a sign.
        () if number.is_infinite() => "+",
        () => "",
    };
    let width = flags.width.unwrap_or(0);
    let is_filled = flags.zero && !flags.minus && number.is_finite();
    let zeros = match is_filled {
        true => width.saturating_sub(sign.len() + digits.len()),
        false => 0,
    };
    let flags = Flags {
        zero: false,
        ..*flags
    };
    pad(out, &flags, &format!("{sign}{}{digits}", "0".repeat(zeros)));
    true
}

/// As few digits as tell it from other doubles; with an exponent below 1e-4 and from 1e6 on.
pub(super) fn shortest(number: f64) -> String {
    if !number.is_finite() {
        return match number {
            _ if number.is_nan() => "NaN",
            _ if number > 0.0 => "+Inf",
            _ => "-Inf",
        }
        .to_owned();
    }
    let text = format!("{number:e}");
    let (digits, exponent) = halves(&text);
    match number == 0.0 || EXPONENTS.contains(&exponent) {
        true => format!("{number}"),
        false => format!("{digits}{}", exponent_text(exponent)),
    }
}

/// Exponents of numbers that are written without one.
const EXPONENTS: std::ops::Range<i32> = -4..6;

fn halves(text: &str) -> (&str, i32) {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (digits, exponent.parse().unwrap_or(0))
}

fn exponent_text(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", exponent.unsigned_abs())
}

fn scientific(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = halves(&text);
    format!("{digits}{}", exponent_text(exponent))
}

/// So many digits at most, with an exponent where it is shorter.
fn general(number: f64, precision: usize) -> String {
    let text = format!("{number:.*e}", precision - 1);
    let (digits, exponent) = halves(&text);
    let trimmed = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    // Go takes fewer for its decision where there are fewer.
    let shown = trimmed(digits).bytes().filter(u8::is_ascii_digit).count() as i32;
    let most = match precision as i32 {
        most if most > shown && shown > exponent => shown,
        most => most,
    };
    if (-4..most).contains(&exponent) {
        let behind = (precision as i32 - 1 - exponent).max(0) as usize;
        return trimmed(&format!("{number:.behind$}"));
    }
    format!("{}{}", trimmed(digits), exponent_text(exponent))
}

/// The number is the first times two to the power of the second.
fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let mantissa = bits & ((1 << 52) - 1);
    match (bits >> 52 & 0x7ff) as i32 {
        0 => (mantissa, -1074),
        exponent => (mantissa | 1 << 52, exponent - 1075),
    }
}

/// `0x1.8p+00`.
fn hexadecimal(number: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut exponent) = parts(number);
    if mantissa == 0 {
        let zeros = "0".repeat(precision.unwrap_or(0));
        let point = if zeros.is_empty() { "" } else { "." };
        return format!("0x0{point}{zeros}p+00");
    }
    // One bit before the point, 52 behind it.
    let shift = mantissa.leading_zeros() as i32 - 11;
    mantissa <<= shift;
    exponent += 52 - shift;
    let digits = precision.unwrap_or(13).min(13);
    let cut = 4 * (13 - digits as u32);
    if cut > 0 {
        let (kept, gone, half) = (mantissa >> cut, mantissa & ((1 << cut) - 1), 1 << (cut - 1));
        let up = gone > half || gone == half && kept & 1 == 1;
        mantissa = (kept + u64::from(up)) << cut;
        if mantissa >> 53 > 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let behind = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let behind = match precision {
        None => behind.trim_end_matches('0').to_owned(),
        Some(precision) => format!("{behind:0<precision$}")[..precision].to_owned(),
    };
    let point = if behind.is_empty() { "" } else { "." };
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("0x1{point}{behind}p{sign}{:02}", exponent.unsigned_abs())
}
