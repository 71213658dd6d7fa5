//! How much is read.

/// The largest plugin, in bytes.
pub const MAX_PLUGIN: u64 = 64 * 1024 * 1024;
/// The largest bundle, in bytes.
pub const MAX_BUNDLE: u64 = 1024 * 1024 * 1024;
