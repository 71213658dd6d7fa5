//! The time of day, as batches and spans have it.

use std::time::{SystemTime, UNIX_EPOCH};

/// The wall clock, ns since 1970.
pub(crate) fn now_unix_nano() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
