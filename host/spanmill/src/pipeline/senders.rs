//! What plugins ask of requests' senders: addresses, which keep requests from sharing batches, and headers, which receivers keep
//! only if they are told to.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;

use spanmill_otlp::Batch;

use tracing::warn;

use super::load::LoadedPlugin;
use super::pipelines::Pipelines;
use super::segments::Pipeline;
use super::shared::Shared;
use super::version::Version;
use crate::config::{
    self, ComponentId, Diagnostic, Diagnostics, HostProcessor, Manifest, Processor,
};
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

/// Whether a receiver of a pipeline keeps headers.
fn keeps_headers(config: &config::Pipeline, manifest: &Manifest) -> bool {
    config.receivers.iter().any(|id| {
        let receiver = manifest.receivers.get(id);
        // What a connector passes on keeps what it came with.
        receiver.is_none_or(|receiver| receiver.keeps_metadata())
    })
}

/// Warns of plugins that ask for what is not known of a request where they stand.
pub fn check_senders(
    manifest: &Manifest,
    plugins: &BTreeMap<ComponentId, LoadedPlugin>,
    out: &mut Diagnostics,
) {
    for config in &manifest.pipelines {
        let keeps = keeps_headers(config, manifest);
        let mut joined: Option<(&ComponentId, &[String])> = None;
        for id in config.processors.iter().chain(&config.exporters) {
            if let Some(Processor::Host(HostProcessor::Batch(batch))) = manifest.processors.get(id)
            {
                joined = Some((id, &batch.metadata_keys));
            }
            let versions = plugins.get(id).into_iter().flat_map(LoadedPlugin::versions);
            let mut warn = |message: String, help: String| {
                let message = format!("pipeline {}: {id} reads {message}", config.id);
                out.push(Diagnostic::warning(config.place, message).help(help));
            };
            let mut headers = BTreeSet::new();
            let mut reads_address = false;
            for version in versions {
                headers.extend(version.contract.headers().map(str::to_ascii_lowercase));
                reads_address |= version.contract.reads_client_address();
            }
            if !keeps && !headers.is_empty() {
                warn(
                    "headers of requests, and no receiver of the pipeline keeps any".to_owned(),
                    "add `include_metadata: true` to the protocols of a receiver".to_owned(),
                );
                headers.clear();
            }
            let Some((batch, keys)) = joined else {
                continue;
            };
            for header in headers.iter().filter(|header| !keys.contains(header)) {
                warn(
                    format!("the header {header}, and {batch} before it has joined its senders"),
                    format!(
                        "add {header} to the metadata_keys of {batch}, or put {id} in front of it"
                    ),
                );
            }
            if reads_address {
                warn(
                    format!("the address of senders, and {batch} before it has joined them"),
                    format!("put {id} in front of {batch}"),
                );
            }
        }
    }
}

/// Warns of versions of a pipeline that read headers which none of its receivers keeps.
pub(super) fn warn_of_headers<'a>(
    pipeline: &Pipeline,
    manifest: &Manifest,
    mut versions: impl Iterator<Item = &'a Version>,
) {
    let mut configs = manifest.pipelines.iter();
    let config = configs.find(|config| config.id == pipeline.id);
    if config.is_some_and(|config| keeps_headers(config, manifest)) {
        return;
    }
    if let Some(version) = versions.find(|version| version.contract.headers().next().is_some()) {
        warn!(pipeline = %pipeline.id, component = %version.id,
            "reads headers of requests, and no receiver of the pipeline keeps any: it finds none; add `include_metadata: true` to the protocols of a receiver");
    }
}
