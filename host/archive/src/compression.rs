//! Bytes as they are stored: compressed, and where another file has much of them already, with a look at that one.

use std::io;

use zstd::zstd_safe::{CCtx, CParameter, DCtx, ErrorCode, compress_bound, get_error_name};

/// How much is compressed: done once, and read at each start, which takes the same time at any level.
const LEVEL: i32 = 19;
/// As far as any match may reach back, as a power of two: what every decompressor takes.
const WINDOWS: std::ops::RangeInclusive<u32> = 10..=27;

/// Compresses bytes; `base` is what [`decompress`] will have as well.
///
/// # Errors
///
/// There is no memory to do it in.
pub(crate) fn compress(bytes: &[u8], base: &[u8]) -> io::Result<Vec<u8>> {
    let mut context = CCtx::create();
    let both = bytes.len().saturating_add(base.len()).max(1);
    let window = both.ilog2().saturating_add(1);
    let window = window.clamp(*WINDOWS.start(), *WINDOWS.end());
    for parameter in [
        CParameter::CompressionLevel(LEVEL),
        CParameter::WindowLog(window),
        CParameter::EnableLongDistanceMatching(!base.is_empty()),
    ] {
        context.set_parameter(parameter).map_err(failed)?;
    }
    if !base.is_empty() {
        context.ref_prefix(base).map_err(failed)?;
    }
    let mut stored = Vec::with_capacity(compress_bound(bytes.len()));
    context.compress2(&mut stored, bytes).map_err(failed)?;
    stored.shrink_to_fit();
    Ok(stored)
}

/// What was compressed, of at most `size` bytes.
///
/// # Errors
///
/// It is not what [`compress`] made with the same base, or has more bytes.
pub(crate) fn decompress(stored: &[u8], base: &[u8], size: usize) -> io::Result<Vec<u8>> {
    let mut context = DCtx::create();
    if !base.is_empty() {
        context.ref_prefix(base).map_err(failed)?;
    }
    let mut bytes = Vec::with_capacity(size);
    context.decompress(&mut bytes, stored).map_err(failed)?;
    Ok(bytes)
}

fn failed(code: ErrorCode) -> io::Error {
    io::Error::other(get_error_name(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that cannot be compressed by themselves.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            state.to_be_bytes()[0]
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn what_the_base_has_is_not_stored_again() {
        let base = noise(100_000);
        let bytes = [b"more", &base[10_000..90_000], b"and more"].concat();
        let (alone, beside) = (
            compress(&bytes, &[]).unwrap(),
            compress(&bytes, &base).unwrap(),
        );
        assert!(
            alone.len() > 80_000 && beside.len() < 1000,
            "{} {}",
            alone.len(),
            beside.len()
        );
        assert_eq!(decompress(&alone, &[], bytes.len()).unwrap(), bytes);
        assert_eq!(decompress(&beside, &base, bytes.len()).unwrap(), bytes);
        assert!(decompress(&beside, &[], bytes.len()).is_err());
        assert!(decompress(&beside, &base, bytes.len() - 1).is_err());
        assert!(
            decompress(&compress(&[], &base).unwrap(), &base, 0)
                .unwrap()
                .is_empty()
        );
    }
}
