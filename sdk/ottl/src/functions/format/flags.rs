//! How wide a value is written, and with what around it.

use std::iter::repeat_n;

/// What stands between `%` and its letter.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Flags {
    pub plus: bool,
    pub minus: bool,
    pub sharp: bool,
    /// `#` before `v`.
    pub sharp_v: bool,
    pub space: bool,
    pub zero: bool,
    pub width: Option<usize>,
    pub precision: Option<usize>,
}

/// Writes a text as wide as it is to be; a sign stands before zeros.
pub(super) fn pad(out: &mut String, flags: &Flags, text: &str) {
    let missing = flags.width.unwrap_or(0);
    let missing = missing.saturating_sub(text.chars().count());
    match (flags.minus, flags.zero) {
        (true, _) => {
            out.push_str(text);
            out.extend(repeat_n(' ', missing));
        }
        (false, zero) => {
            out.extend(repeat_n(if zero { '0' } else { ' ' }, missing));
            out.push_str(text);
        }
    }
}
