//! The Collector's hash of trace ids, by which it samples.

/// FNV-1a with 64 bits, of the texts or bytes given so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Fnv(0xcbf2_9ce4_8422_2325).with(bytes)
    }

    fn with(self, bytes: &[u8]) -> Self {
        Fnv(bytes.iter().fold(self.0, |hash, &byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        }))
    }

    /// The hash with a trace id behind what was there.
    pub(crate) fn trace_id(self, id: u128) -> u64 {
        self.with(&id.to_be_bytes()).0
    }
}

/// The greatest hash that is sampled: `ratio` of all of them, rounded down without losing bits to floating point, as
/// the Collector computes it with 64 bits of mantissa.
pub(crate) fn greatest_sampled(ratio: f64) -> u64 {
    if ratio >= 1.0 {
        return u64::MAX;
    }
    if ratio.is_nan() || ratio <= 0.0 {
        return 0;
    }
    // A ratio below 1 is mantissa / 2^shift. The product with 2^64 - 1 is exact in 128 bits; the Collector rounds it to
    // 64 bits of mantissa, to the nearest and ties to even, before it cuts off what is behind the point.
    let bits = ratio.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i32;
    let mantissa = match exponent {
        0 => bits & ((1 << 52) - 1),
        _ => bits & ((1 << 52) - 1) | 1 << 52,
    };
    let shift = 1075 - exponent.max(1);
    let product = u128::from(mantissa) * u128::from(u64::MAX);
    let extra = (128 - product.leading_zeros()).saturating_sub(64);
    let rounded = round(product, extra);
    match u32::try_from(shift) {
        Ok(shift) if shift < 128 => (rounded >> shift) as u64,
        _ => 0,
    }
}

/// Rounds off the last bits, to the nearest and ties to even.
fn round(number: u128, bits: u32) -> u128 {
    if bits == 0 {
        return number;
    }
    let (kept, lost) = (number >> bits, number & ((1 << bits) - 1));
    let half = 1u128 << (bits - 1);
    let up = lost > half || (lost == half && kept & 1 == 1);
    (kept + u128::from(up)) << bits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FNV's published vector for `foobar`.
    #[test]
    fn hashes_are_fnv_1a() {
        assert_eq!(Fnv::of(b"foobar").0, 0x8594_4171_f739_67e8);
        let id = 0x0102_0304_0506_0708_090a_0b0c_0d0e_0f10;
        let whole: Vec<u8> = b"salt".iter().copied().chain(1..=16).collect();
        assert_eq!(Fnv::of(b"salt").trace_id(id), Fnv::of(&whole).0);
    }

    /// Computed with Go's `big.Float`, as the Collector does.
    #[test]
    fn thresholds_are_the_collectors() {
        for (ratio, expected) in [
            (0.0, 0),
            (0.1, 1_844_674_407_370_955_263),
            (0.01, 184_467_440_737_095_519),
            (0.333, 6_142_765_776_545_281_023),
            (0.999, 18_428_297_329_635_842_047),
            (1e-10, 1_844_674_407),
            (5e-324, 0),
            (0.15, 2_767_011_611_056_432_639),
            (0.7, 12_912_720_851_596_685_311),
            (0.25, 4_611_686_018_427_387_903),
            (0.5, 9_223_372_036_854_775_807),
            (1.0, u64::MAX),
            (2.0, u64::MAX),
            (-1.0, 0),
        ] {
            assert_eq!(greatest_sampled(ratio), expected, "{ratio}");
        }
    }
}
