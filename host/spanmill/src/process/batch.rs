//! The settings of the `batch` processor; what it does is in `pipeline/joint/batch.rs`.

use std::time::Duration;

use spanmill_manifest::{Diagnostics, Section};

use crate::metadata::read_keys;

/// The Collector's `metadata_cardinality_limit`.
const DEFAULT_CARDINALITY: usize = 1000;

/// The `batch` processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// A batch is sent on once it has this many items.
    pub send_batch_size: u64,
    /// A batch is sent on once its oldest item has waited this long. Zero: at once.
    pub timeout: Duration,
    /// Larger batches are cut up; 0: never.
    pub send_batch_max_size: u64,
    /// Headers, in lower case: requests that differ in one of them are not joined.
    pub metadata_keys: Vec<String>,
    /// How many combinations of their values may have something at hand at once; 0: any number.
    pub metadata_cardinality_limit: usize,
}

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> Batch {
    let batch = Batch {
        send_batch_size: section.number("send_batch_size", out).unwrap_or(8192),
        timeout: section.duration("timeout", Duration::from_millis(200), out),
        send_batch_max_size: section.number("send_batch_max_size", out).unwrap_or(0),
        metadata_keys: read_keys(&mut section, "metadata_keys", out),
        metadata_cardinality_limit: section
            .number("metadata_cardinality_limit", out)
            .map_or(DEFAULT_CARDINALITY, |limit| {
                usize::try_from(limit).unwrap_or(usize::MAX)
            }),
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
    section.finish(out);
    batch
}
