//! What plugins ask of requests' senders: addresses, which keep requests from sharing batches, and headers, which receivers keep
//! only if they are told to.

use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use spanmill_otlp::Batch;

use tracing::warn;

use super::pipelines::Pipelines;
use super::segments::Pipeline;
use super::shared::Shared;
use super::version::Version;
use crate::config::{self, Manifest};
use crate::metadata::RequestMetadata;

impl Pipelines {
    /// Takes note of a version that is to run, or to be shown what passes.
    pub(super) fn regard_senders(&self, version: &Version) {
        if version.contract.reads_client_address() {
            self.shared.tells_addresses_apart.store(true, Relaxed);
        }
        if !version.contract.writes.is_empty() {
            let headers = version.contract.headers().map(str::to_ascii_lowercase);
            let copied = self.shared.copied_headers.write();
            let mut copied = copied.unwrap_or_else(PoisonError::into_inner);
            copied.extend(headers);
        }
    }
}

impl Shared {
    /// What a batch may grow by, in bytes, if plugins write what they read of its headers to each row: once as written, and once
    /// in what is put together of it.
    pub(super) fn copies_of_headers(&self, batch: &Batch, metadata: &RequestMetadata) -> usize {
        let copied = self.copied_headers.read();
        let copied = copied.unwrap_or_else(PoisonError::into_inner);
        let bytes = copied.iter().map(|header| metadata.bytes_of(header));
        let once = bytes.fold(0, usize::saturating_add);
        once.saturating_mul(batch.item_count()).saturating_mul(2)
    }
}

/// Warns of versions of a pipeline that read headers which none of its receivers keeps.
pub(super) fn warn_of_headers<'a>(
    pipeline: &Pipeline,
    manifest: &Manifest,
    mut versions: impl Iterator<Item = &'a Version>,
) {
    let keeps = |config: &config::Pipeline| {
        config.receivers.iter().any(|id| {
            let receiver = manifest.receivers.get(id);
            // What a connector passes on keeps what it came with.
            receiver.is_none_or(|receiver| receiver.keeps_metadata())
        })
    };
    let mut configs = manifest.pipelines.iter();
    let config = configs.find(|config| config.id == pipeline.id);
    if config.is_some_and(keeps) {
        return;
    }
    if let Some(version) = versions.find(|version| version.contract.headers().next().is_some()) {
        warn!(pipeline = %pipeline.id, component = %version.id,
            "reads headers of requests, and no receiver of the pipeline keeps any: it finds none; add `include_metadata: true` to the protocols of a receiver");
    }
}
