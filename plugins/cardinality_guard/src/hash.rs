//! Hashes that stand for texts: two texts count as one if their hashes are the same.

/// The hash of some bytes. Senders choose the texts: the seed is what they cannot know.
pub(crate) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = seed ^ (bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    for word in words {
        hash = fold(hash ^ u64::from_le_bytes(*word), 0x9fb2_1c65_1e98_df25);
    }
    let rest = rest
        .iter()
        .fold(0, |word, &byte| word << 8 | u64::from(byte));
    fold(fold(hash ^ rest, 0xbf58_476d_1ce4_e5b9), seed | 1)
}

/// The hash of a value that is no text.
pub(crate) fn hash_value(seed: u64, kind: u8, bits: u64) -> u64 {
    hash(seed ^ u64::from(kind), &bits.to_le_bytes())
}

/// Both halves of a product.
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left ^ 0x517c_c1b7_2722_0a95) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_have_hashes_that_differ() {
        let mut seen = std::collections::HashSet::new();
        for length in 0..40 {
            let zeros = vec![0; length];
            assert!(seen.insert(hash(7, &zeros)), "{length} zeros");
        }
        for number in 0..20_000u32 {
            assert!(seen.insert(hash(7, format!("/users/{number}").as_bytes())));
        }
        assert_ne!(hash(1, b"a"), hash(2, b"a"), "the seed matters");
        assert_ne!(hash_value(1, 3, 5), hash_value(1, 4, 5), "the kind matters");
    }
}
