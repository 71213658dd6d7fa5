//! FNV-1a over the seed and the trace id, and the 56 bits of randomness the Collector makes of it.

const PRIME: u32 = 16_777_619;
const OFFSET: u32 = 2_166_136_261;

/// The state after the seed's four bytes, the lowest first.
pub(crate) fn seeded(seed: u32) -> u32 {
    with_bytes(OFFSET, &seed.to_le_bytes())
}

/// The state after some bytes.
pub(crate) fn with_bytes(state: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(state, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(PRIME)
    })
}

/// Trace ids are hashed in groups: so many chains of multiplications run beside each other.
pub(crate) const LANES: usize = 16;

/// The hashes of trace ids, two words each; `out` gets one per trace id.
#[inline(never)]
pub(crate) fn hash_all(seeded: u32, words: &[u64], out: &mut Vec<u32>) {
    out.clear();
    let (groups, rest) = words.as_chunks::<{ 2 * LANES }>();
    for group in groups {
        let mut hashes = [seeded; LANES];
        for half in 0..2 {
            let words: [u64; LANES] = std::array::from_fn(|id| group[2 * id + half]);
            for shift in [32, 0] {
                let mut bytes = words.map(|word| ((word >> shift) as u32).swap_bytes());
                for _ in 0..4 {
                    for (hash, bytes) in hashes.iter_mut().zip(&mut bytes) {
                        *hash = (*hash ^ (*bytes & 0xff)).wrapping_mul(PRIME);
                        *bytes >>= 8;
                    }
                }
            }
        }
        out.extend_from_slice(&hashes);
    }
    for id in rest.as_chunks::<2>().0 {
        let bytes = id.iter().flat_map(|word| word.to_be_bytes());
        out.push(bytes.fold(seeded, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(PRIME)
        }));
    }
}

/// Which of 16,384 buckets a hash falls into; the lowest are kept.
pub(crate) fn bucket(hash: u32) -> u32 {
    hash & 0x3fff
}

/// The randomness value that says the same as the bucket: 14 deciding bits, 28 of the hash's other bits
/// mixed, and the bucket again.
pub(crate) fn randomness(hash: u32) -> u64 {
    let bucket = u64::from(bucket(hash));
    // As the Collector shifts: it says 18 bits, and takes the upper 14.
    let unused = u64::from(hash >> 18);
    let unused = unused ^ (unused << 10);
    ((0x3fff - bucket) << 42) | (unused << 14) | bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written from FNV's definition, byte by byte.
    fn naive(seed: u32, trace_id: u128) -> u32 {
        let mut hash = 0x811c_9dc5u64;
        let seed = [seed & 0xff, seed >> 8 & 0xff, seed >> 16 & 0xff, seed >> 24];
        for byte in seed
            .into_iter()
            .chain((0..16).map(|at| (trace_id >> (120 - 8 * at)) as u32 & 0xff))
        {
            hash = ((hash ^ u64::from(byte)) * 0x0100_0193) % (1 << 32);
        }
        hash as u32
    }

    #[test]
    fn hashes_are_fnv_1a() {
        let mut out = Vec::new();
        // FNV's published vector: the hash of "foobar" is 0xbf9cf968.
        assert_eq!(
            b"foobar"
                .iter()
                .fold(OFFSET, |hash, &byte| (hash ^ u32::from(byte))
                    .wrapping_mul(PRIME)),
            0xbf9c_f968
        );
        for seed in [0, 22, u32::MAX] {
            let ids: Vec<u128> = (1..30u128)
                .map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
                .collect();
            let words: Vec<u64> = ids
                .iter()
                .flat_map(|id| [(id >> 64) as u64, *id as u64])
                .collect();
            hash_all(seeded(seed), &words, &mut out);
            let naive: Vec<u32> = ids.iter().map(|&id| naive(seed, id)).collect();
            assert_eq!(out, naive);
        }
    }

    /// Of a span that the Collector's processor (0.158) kept.
    #[test]
    fn randomness_is_the_collectors() {
        assert_eq!(randomness(0xa8f8_987a), 0x009e_142a_348f_987a);
    }

    #[test]
    fn randomness_orders_as_the_bucket_does() {
        for hash in [0, 1, 0x3fff, 0x4000, 0xdead_beef, u32::MAX] {
            let randomness = randomness(hash);
            assert!(randomness < 1 << 56);
            assert_eq!(randomness >> 42, u64::from(0x3fff - bucket(hash)));
            assert_eq!(randomness & 0x3fff, u64::from(bucket(hash)));
        }
    }
}
