//! Times of certificates.

use std::time::{Duration, SystemTime};

use humantime::format_rfc3339_seconds;
use rustls::pki_types::UnixTime;

/// A time as it stands in a message.
pub(super) fn time(at: UnixTime) -> String {
    match SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(at.as_secs())) {
        // Beyond it, humantime has no text for it.
        Some(time) if at.as_secs() < 253_402_300_800 => format_rfc3339_seconds(time).to_string(),
        _ => "a time beyond the year 9999".to_owned(),
    }
}
