//! Numbers as people read them.

/// 1234567 as 1,234,567.
pub fn with_commas(number: u64) -> String {
    match number / 1000 {
        0 => number.to_string(),
        thousands => format!("{},{:03}", with_commas(thousands), number % 1000),
    }
}
