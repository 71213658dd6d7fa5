//! The settings of the `batch` processor; what it does is in `pipeline/joint/batch.rs`.

use std::time::Duration;

use spanmill_manifest::{Diagnostic, Diagnostics, Section, Value};

/// The `batch` processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// A batch is sent on once it has this many items.
    pub send_batch_size: u64,
    /// A batch is sent on once its oldest item has waited this long. Zero: at once.
    pub timeout: Duration,
    /// Larger batches are cut up; 0: never.
    pub send_batch_max_size: u64,
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> Batch {
    let batch = Batch {
        send_batch_size: section.number("send_batch_size", out).unwrap_or(8192),
        timeout: section.duration("timeout", Duration::from_millis(200), out),
        send_batch_max_size: section.number("send_batch_max_size", out).unwrap_or(0),
    };
    if batch.send_batch_max_size > 0
        && batch.send_batch_max_size < batch.send_batch_size
        && let Some(node) = section.value("send_batch_max_size")
    {
        let message = format!(
            "must be at least send_batch_size, which is {}",
            batch.send_batch_size
        );
        out.push(section.wrong("send_batch_max_size", node, message));
    }
    if let Some(entry) = section.entry("metadata_keys")
        && !matches!(&entry.value.value, Value::List(items) if items.is_empty())
        && !entry.value.is_null()
    {
        out.push(
            Diagnostic::error(
                entry.key_place,
                format!("{}: metadata_keys is not supported: this version does not keep request headers", section.owner()),
            )
            .help("remove it; to keep tenants apart, give each a receiver and a pipeline"),
        );
    }
    // It bounds what metadata_keys tells apart, which is nothing.
    section.ignore(&["metadata_cardinality_limit"], out);
    section.finish(out);
    batch
}
