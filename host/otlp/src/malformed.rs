//! Why a request is refused.

use crate::wire::Flaw;

/// A request that is not OTLP. Nothing of it may be processed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed OTLP at byte {offset}: {what}")]
pub struct Malformed {
    /// Where the innermost row (a span, say) or the message above it begins, in bytes.
    pub offset: usize,
    /// What is wrong.
    pub what: &'static str,
}

/// Requests from this size on are refused, so that offsets fit 31 bits.
pub(crate) const MAX_BYTES: usize = 1 << 30;

impl Malformed {
    pub(crate) fn too_large() -> Self {
        Malformed {
            offset: MAX_BYTES,
            what: "the request is larger than 1 GiB",
        }
    }
}

impl From<Flaw> for Malformed {
    /// For a flaw of which it is not known where it is.
    fn from(flaw: Flaw) -> Self {
        Malformed {
            offset: 0,
            what: flaw.what(),
        }
    }
}
