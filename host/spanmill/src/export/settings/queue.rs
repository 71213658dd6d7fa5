//! The queue before an exporter, and the batches that it makes.

use std::time::Duration;

use spanmill_manifest::{Diagnostic, Diagnostics, Section};

use crate::metadata::read_keys;

/// More batches at once than any server likes.
const MAX_CONSUMERS: u64 = 1024;

/// What a queue's size counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizer {
    /// Batches.
    Requests,
    /// Spans or data points.
    Items,
    /// Encoded bytes.
    Bytes,
}

/// The queue before an exporter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendingQueue {
    /// How many batches are sent at once.
    pub num_consumers: usize,
    /// How much fits, counted by `sizer`.
    pub queue_size: u64,
    /// What `queue_size` counts.
    pub sizer: Sizer,
    /// Wait for room instead of refusing.
    pub block_on_overflow: bool,
    /// Answer the sender only when the batch is sent.
    pub wait_for_result: bool,
    /// Whether and how requests are joined before they are sent.
    pub batch: Option<QueueBatch>,
}

/// What the size of a batch counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchSizer {
    /// Spans, log records or data points.
    Items,
    /// Encoded bytes.
    Bytes,
}

/// How a queue joins requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueBatch {
    /// A batch waits no longer.
    pub flush_timeout: Duration,
    /// What sizes count.
    pub sizer: BatchSizer,
    /// A batch of this size is sent at once.
    pub min_size: u64,
    /// No batch is larger; 0: any may be.
    pub max_size: u64,
    /// Headers, in lower case: requests that differ in one of them are not joined.
    pub partition_by: Vec<String>,
}

impl Default for SendingQueue {
    fn default() -> Self {
        Self {
            num_consumers: 10,
            queue_size: 1000,
            sizer: Sizer::Requests,
            block_on_overflow: false,
            wait_for_result: false,
            batch: None,
        }
    }
}

/// Reads `sending_queue`.
pub(in crate::export) fn queue(
    section: &mut Section<'_>,
    out: &mut Diagnostics,
) -> Option<SendingQueue> {
    let default = SendingQueue::default();
    let Some(mut section) = section.section("sending_queue", out) else {
        return Some(default);
    };
    let enabled = section.flag("enabled", true, out);
    let consumers = section.positive("num_consumers", 10, out);
    if consumers > MAX_CONSUMERS
        && let Some(node) = section.value("num_consumers")
    {
        let what = format_args!("must be at most {MAX_CONSUMERS}");
        out.push(section.wrong("num_consumers", node, what));
    }
    let sizers = [
        ("requests", Sizer::Requests),
        ("items", Sizer::Items),
        ("bytes", Sizer::Bytes),
    ];
    let mut queue = SendingQueue {
        num_consumers: usize::try_from(consumers).unwrap_or(usize::MAX),
        queue_size: section.positive("queue_size", default.queue_size, out),
        sizer: section
            .choice("sizer", &sizers, out)
            .unwrap_or(default.sizer),
        block_on_overflow: section.flag("block_on_overflow", false, out),
        wait_for_result: section.flag("wait_for_result", false, out),
        batch: None,
    };
    queue.batch = batch(&mut section, &queue, out);
    section.refuse(
        "storage",
        "is not supported: queues are kept in memory in this version",
        "remove it; what is queued when the process dies is lost",
        out,
    );
    section.finish(out);
    enabled.then_some(queue)
}

/// `batch`, which without a value means its defaults.
fn batch(
    section: &mut Section<'_>,
    queue: &SendingQueue,
    out: &mut Diagnostics,
) -> Option<QueueBatch> {
    let has_sizer = section.value("sizer").is_some();
    let is_bare = section.value("batch").is_none();
    let mut section = section.section("batch", out)?;
    let enabled = section.flag("enabled", true, out);
    let sizers = [("items", BatchSizer::Items), ("bytes", BatchSizer::Bytes)];
    let sizer = section.choice("sizer", &sizers, out);
    // As in the Collector: the queue's, if it says one.
    let sizer = sizer.unwrap_or(match queue.sizer {
        Sizer::Bytes if has_sizer && !is_bare => BatchSizer::Bytes,
        Sizer::Requests if has_sizer && !is_bare && section.value("sizer").is_none() => {
            let message = format!(
                "{}: sizer is missing: that of the queue is `requests`, and a batch is measured in items or bytes",
                section.owner()
            );
            out.push(
                Diagnostic::error(section.place(), message)
                    .help("add `sizer: items`"),
            );
            BatchSizer::Items
        }
        _ => BatchSizer::Items,
    });
    let mut batch = QueueBatch {
        flush_timeout: section.nonzero_duration("flush_timeout", Duration::from_millis(200), out),
        sizer,
        min_size: section.number("min_size", out).unwrap_or(8192),
        max_size: section.number("max_size", out).unwrap_or(0),
        partition_by: Vec::new(),
    };
    if batch.max_size > 0
        && batch.max_size < batch.min_size
        && let Some(node) = section.value("max_size")
    {
        let what = format_args!("must be at least min_size, which is {}", batch.min_size);
        out.push(section.wrong("max_size", node, what));
    }
    let same = matches!(
        (batch.sizer, queue.sizer),
        (BatchSizer::Items, Sizer::Items) | (BatchSizer::Bytes, Sizer::Bytes)
    );
    if same && batch.min_size > queue.queue_size {
        let message = format!(
            "{}: min_size is {}, and the queue never holds more than its queue_size of {}",
            section.owner(),
            batch.min_size,
            queue.queue_size
        );
        out.push(
            Diagnostic::error(section.place(), message).help("lower min_size, or raise queue_size"),
        );
    }
    if let Some(mut partition) = section.section("partition", out) {
        batch.partition_by = read_keys(&mut partition, "metadata_keys", out);
        partition.finish(out);
    }
    section.finish(out);
    enabled.then_some(batch)
}
