//! Numbers as Go reads them, for settings and values that were written with a Collector in mind.

/// Reads a double as Go's `ParseFloat` does: decimal or hexadecimal (`0x1p-2`), with underscores between digits,
/// `inf`, `infinity` and `nan` in any case. `None` for anything else, and for what is too large for a double.
pub fn parse_double(text: &str) -> Option<f64> {
    let (negative, magnitude) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let is = |name: &str| magnitude.eq_ignore_ascii_case(name);
    if is("inf") || is("infinity") {
        return Some(if negative {
            f64::NEG_INFINITY
        } else {
            f64::INFINITY
        });
    }
    if text.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    let digits;
    let magnitude = if !magnitude.contains('_') {
        magnitude
    } else if underscores_separate_digits(magnitude) {
        digits = magnitude.replace('_', "");
        &digits
    } else {
        return None;
    };
    let value = match magnitude
        .strip_prefix("0x")
        .or(magnitude.strip_prefix("0X"))
    {
        Some(digits) => hexadecimal(digits)?,
        // Whatever else Rust reads begins with a letter.
        None if magnitude.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
            magnitude.parse().ok()?
        }
        None => return None,
    };
    value
        .is_finite()
        .then_some(if negative { -value } else { value })
}

fn underscores_separate_digits(magnitude: &str) -> bool {
    let bytes = magnitude.as_bytes();
    let is_hex = matches!(bytes, [b'0', b'x' | b'X', ..]);
    let is_digit = |byte: &u8| match is_hex {
        true => byte.is_ascii_hexdigit(),
        false => byte.is_ascii_digit(),
    };
    // A prefix counts as a digit.
    let (mut rest, mut after_digit) = match is_hex {
        true => (&bytes[2..], true),
        false => (bytes, false),
    };
    while let [byte, tail @ ..] = rest {
        if *byte == b'_' && !(after_digit && tail.first().is_some_and(is_digit)) {
            return false;
        }
        after_digit = is_digit(byte);
        rest = tail;
    }
    true
}

/// Reads what follows `0x`: hex digits, of which some may stand behind a point, and a power of two.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let mut exponent = power(exponent)?;
    let (mut mantissa, mut has_more) = (0u64, false);
    let (mut any, mut behind_point) = (false, false);
    for character in digits.chars() {
        if character == '.' && !behind_point {
            behind_point = true;
            continue;
        }
        let digit = u64::from(character.to_digit(16)?);
        any = true;
        if mantissa >> 60 == 0 {
            mantissa = mantissa << 4 | digit;
            exponent -= 4 * i64::from(behind_point);
        } else {
            has_more |= digit != 0;
            exponent += 4 * i64::from(!behind_point);
        }
    }
    any.then(|| rounded(mantissa, has_more, exponent))
}

/// Reads an exponent; one that is out of every double's range stays so.
fn power(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let power = digits.parse().unwrap_or(i64::MAX).min(1 << 40);
    Some(if text.starts_with('-') { -power } else { power })
}

/// `mantissa`, and a little more, times two to the `exponent`: the nearest double, of two the even one.
fn rounded(mantissa: u64, has_more: bool, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    let zeros = mantissa.leading_zeros();
    let mantissa = u128::from(mantissa << zeros);
    let exponent = exponent + 63 - i64::from(zeros);
    if exponent > 1023 {
        return f64::INFINITY;
    }
    // Below 2^-1022 there are fewer digits.
    let kept = 53 - (-1022 - exponent).max(0);
    if kept < 0 {
        return 0.0;
    }
    let shift = 64 - kept as u32;
    let (quotient, rest) = (mantissa >> shift, mantissa & ((1 << shift) - 1));
    let half = 1 << (shift - 1);
    let is_up = rest > half || rest == half && (has_more || quotient & 1 == 1);
    let quotient = (quotient + u128::from(is_up)) as f64;
    quotient * f64::exp2((exponent - kept + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_are_read_as_go_reads_them() {
        for (text, value) in [
            ("1.5", 1.5),
            (".5", 0.5),
            ("5.", 5.0),
            ("+1e3", 1000.0),
            ("1E-400", 0.0),
            ("-Inf", f64::NEG_INFINITY),
            ("+infinity", f64::INFINITY),
            ("1_000", 1000.0),
            ("1_0.5_5e1_0", 10.55e10),
            ("0x10p0", 16.0),
            ("0X_1P+3", 8.0),
            ("-0x1.8p-1", -0.75),
            ("0x.8p1", 1.0),
            ("0x1.00000000000008p0", 1.0),
            ("0x1.000000000000080001p0", 1.0 + f64::EPSILON),
            ("0x1.00000000000018p0", 1.0 + 2.0 * f64::EPSILON),
            ("0x123456789abcdef01234p0", 8.596_805_828_370_696e22),
            ("0x1p-1074", f64::from_bits(1)),
            ("0x1.8p-1074", f64::from_bits(2)),
            ("0x1p-1075", 0.0),
            ("0x1.1p-1075", f64::from_bits(1)),
            ("0x1p-99999999999999999999", 0.0),
            ("0x1.fffffffffffffp1023", f64::MAX),
        ] {
            assert_eq!(parse_double(text), Some(value), "{text}");
        }
        assert!(parse_double("NaN").is_some_and(f64::is_nan));
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for text in [
            "",
            "-",
            "+",
            " 1",
            "1 ",
            "1e",
            "e1",
            ".",
            "-nan",
            "+NaN",
            "infin",
            "in_f",
            "1e400",
            "-1e400",
            "_1",
            "1_",
            "1__0",
            "1_.5",
            "1._5",
            "1e_5",
            "0x",
            "0x1",
            "0xp1",
            "0x.p1",
            "0x1p",
            "0x1p+",
            "0x1.8",
            "0x1p1.0",
            "0x1.fffffffffffff8p1023",
            "0x1p1024",
            "--1",
            "0b1",
            "１",
        ] {
            assert_eq!(parse_double(text), None, "{text}");
        }
    }
}
