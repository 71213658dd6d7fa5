//! A plugin that was sent.

use std::time::Duration;

use bytes::Bytes;
use spanmill_runtime::Plugin;

/// A plugin that was sent.
#[derive(Clone)]
pub(super) struct UploadedPlugin {
    pub(super) plugin: Plugin,
    pub(super) wasm: Bytes,
    /// How long compiling it took.
    pub(super) compile: Duration,
}
