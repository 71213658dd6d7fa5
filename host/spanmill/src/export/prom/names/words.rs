//! The words that a name is made of.

/// What stands between characters that are not allowed.
pub(super) fn pieces(text: &str, allowed: impl Fn(char) -> bool) -> Vec<String> {
    text.split(|c| !allowed(c))
        .filter(|piece| !piece.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether a character may stand in a metric's name.
pub(super) fn is_of_metric(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == ':'
}
