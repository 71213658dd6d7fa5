//! Hashes of trace ids, by which traces are found.

/// Mixes trace ids for tables. Senders choose trace ids: the seed is what they cannot know.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mixer(u64);

impl Mixer {
    /// With what nobody who sends traces can know.
    pub fn new(seed: u64) -> Self {
        Mixer(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The hash of a trace id.
    #[inline]
    pub fn hash(self, id: u128) -> u64 {
        let (high, low) = ((id >> 64) as u64, id as u64);
        let mut hash = (high ^ self.0).wrapping_mul(0x9fb2_1c65_1e98_df25);
        hash ^= hash >> 32;
        hash = (hash ^ low.rotate_left(17)).wrapping_mul(self.0);
        hash ^= hash >> 29;
        hash = hash.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash ^ hash >> 32
    }
}
