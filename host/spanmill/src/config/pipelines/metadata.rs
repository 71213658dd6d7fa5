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
            check_joined(draft, manifest, out);
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

/// Warns of `metadata_keys` behind a `batch` that joins what they should keep apart.
fn check_joined(draft: &PipelineDraft, manifest: &Manifest, out: &mut Diagnostics) {
    let batch_of = |id: &ComponentId| match manifest.processors.get(id) {
        Some(Processor::Host(HostProcessor::Batch(batch))) => Some(batch),
        _ => None,
    };
    let mut joined: Option<(&ComponentId, &[String])> = None;
    let mut complain = |id: &ComponentId, place: TextRange, joined: &ComponentId, key: &str| {
        let message = format!(
            "pipeline {}: {id} tells senders apart by {key}, and {joined} before it has joined them",
            draft.id
        );
        let help = format!("add {key} to the metadata_keys of {joined}, or remove {joined}");
        out.push(Diagnostic::warning(place, message).help(help));
    };
    for (id, place) in &draft.processors {
        let Some(batch) = batch_of(id) else { continue };
        if let Some((before, keys)) = joined
            && let Some(lost) = batch.metadata_keys.iter().find(|key| !keys.contains(key))
        {
            complain(id, *place, before, lost);
        }
        joined = Some((id, &batch.metadata_keys));
    }
    for (id, place) in &draft.exporters {
        let Some(exporter) = manifest.exporters.get(id) else {
            continue;
        };
        if let Some((before, keys)) = joined
            && let Some(lost) = exporter
                .partition_by()
                .iter()
                .find(|key| !keys.contains(key))
        {
            complain(id, *place, before, lost);
        }
    }
}
