//! How much a byte says.

/// How frequent a byte is: most letters, digits and what paths are made of stand in most texts, spaces in some.
pub(crate) fn rank(byte: u8) -> u8 {
    match byte {
        b'j' | b'q' | b'z' | b'J' | b'Q' | b'X' | b'Z' => 0,
        b'/' | b'.' => 2,
        byte if byte.is_ascii_alphanumeric() => 2,
        b' ' => 1,
        _ => 0,
    }
}
