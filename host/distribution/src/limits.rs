//! How much is read, and how long servers are waited for.

#[cfg(feature = "client")]
use std::time::Duration;

/// The largest plugin, in bytes.
pub const MAX_PLUGIN: u64 = 64 * 1024 * 1024;
/// The largest bundle, in bytes.
pub const MAX_BUNDLE: u64 = 1024 * 1024 * 1024;
/// The largest signature, or Sigstore bundle.
#[cfg(feature = "client")]
pub(crate) const MAX_SIGNATURE: u64 = 256 * 1024;

#[cfg(feature = "client")]
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a server may send nothing.
#[cfg(feature = "client")]
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(30);
