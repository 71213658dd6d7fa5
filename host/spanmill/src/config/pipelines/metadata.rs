//! Headers that a pipeline tells senders apart by, and no receiver keeps.

use spanmill_manifest::{ComponentId, Diagnostic, Diagnostics, TextRange};

use super::draft::PipelineDraft;
use crate::config::manifest::{Manifest, Processor};
use crate::process::HostProcessor;

/// Warns of `metadata_keys` in pipelines that get no headers: all senders would count as one.
pub(super) fn check_metadata(drafts: &[PipelineDraft], manifest: &Manifest, out: &mut Diagnostics) {
    for draft in drafts {
        let keeps = |(id, _): &(ComponentId, TextRange)| match manifest.receivers.get(id) {
            Some(receiver) => receiver.keeps_metadata(),
            // What a connector passes on keeps what it came with.
            None => true,
        };
        if draft.receivers.iter().any(keeps) {
            continue;
        }
        let processors = draft.processors.iter().filter(|(id, _)| {
            matches!(manifest.processors.get(id), Some(Processor::Host(HostProcessor::Batch(batch))) if !batch.metadata_keys.is_empty())
        });
        let exporters = draft.exporters.iter().filter(|(id, _)| {
            let exporter = manifest.exporters.get(id);
            exporter.is_some_and(|exporter| !exporter.partition_by().is_empty())
        });
        for (id, place) in processors.chain(exporters) {
            let message = format!(
                "pipeline {}: {id} tells senders apart by metadata_keys, and no receiver of the pipeline keeps headers",
                draft.id
            );
            out.push(
                Diagnostic::warning(*place, message)
                    .help("add `include_metadata: true` to the protocols of a receiver"),
            );
        }
    }
}
