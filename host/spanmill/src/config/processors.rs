//! The processors that the host owns: `batch` and `memory_limiter`.

use std::time::Duration;

use super::plugins::PluginUse;
use spanmill_manifest::{Diagnostic, Diagnostics, Section, Value};

/// A processor.
#[derive(Clone, Debug)]
pub enum Processor {
    /// Gathers spans into larger batches.
    Batch(Batch),
    /// Refuses batches when memory runs short.
    MemoryLimiter(MemoryLimiter),
    /// A plugin.
    Plugin(Box<PluginUse>),
}

/// The `batch` processor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// A batch is sent on once it has so many items.
    pub send_batch_size: u64,
    /// ... or once its oldest item has waited so long. Zero: at once.
    pub timeout: Duration,
    /// Larger batches are cut up; 0: never.
    pub send_batch_max_size: u64,
}

/// The `memory_limiter` processor. One of `limit_mib` and `limit_percentage` is above zero; `limit_mib` wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimiter {
    /// How often memory is measured.
    pub check_interval: Duration,
    /// The hard limit in MiB; 0: not set.
    pub limit_mib: u64,
    /// What the soft limit is below the hard one, in MiB; 0: a fifth of the hard limit.
    pub spike_limit_mib: u64,
    /// The hard limit as a share of the memory there is; 0: not set.
    pub limit_percentage: u64,
    /// What the soft limit is below the hard one, as a share of the memory there is; 0: a fifth of the hard limit.
    pub spike_limit_percentage: u64,
}

pub(super) fn batch(mut section: Section<'_>, out: &mut Diagnostics) -> Batch {
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

pub(super) fn memory_limiter(mut section: Section<'_>, out: &mut Diagnostics) -> MemoryLimiter {
    let limiter = MemoryLimiter {
        check_interval: section.duration("check_interval", Duration::ZERO, out),
        limit_mib: section.number("limit_mib", out).unwrap_or(0),
        spike_limit_mib: section.number("spike_limit_mib", out).unwrap_or(0),
        limit_percentage: section.number("limit_percentage", out).unwrap_or(0),
        spike_limit_percentage: section.number("spike_limit_percentage", out).unwrap_or(0),
    };
    let owner = section.owner().to_owned();
    if limiter.check_interval.is_zero() {
        let place = section
            .value("check_interval")
            .map_or(section.place(), |node| node.place);
        out.push(
            Diagnostic::error(
                place,
                format!("{owner}: check_interval must be set, and longer than zero"),
            )
            .help("add `check_interval: 1s`"),
        );
    }
    if limiter.limit_mib == 0 && limiter.limit_percentage == 0 {
        out.push(
            Diagnostic::error(section.place(), format!("{owner}: there is no limit"))
                .help("add `limit_mib:` or `limit_percentage:`"),
        );
    }
    for key in ["limit_percentage", "spike_limit_percentage"] {
        if section.value(key).is_some()
            && let Some(share) = section.number(key, &mut Diagnostics::scratch())
            && share > 100
            && let Some(node) = section.value(key)
        {
            out.push(section.wrong(key, node, "a share is at most 100"));
        }
    }
    let pairs = [
        (
            "spike_limit_mib",
            limiter.spike_limit_mib,
            "limit_mib",
            limiter.limit_mib,
        ),
        (
            "spike_limit_percentage",
            limiter.spike_limit_percentage,
            "limit_percentage",
            limiter.limit_percentage,
        ),
    ];
    for (key, spike, limit_key, limit) in pairs {
        if limit > 0
            && spike >= limit
            && let Some(node) = section.value(key)
        {
            out.push(section.wrong(key, node, format_args!("must be smaller than {limit_key}")));
        }
    }
    // There is no garbage collector.
    section.ignore(
        &[
            "min_gc_interval_when_soft_limited",
            "min_gc_interval_when_hard_limited",
        ],
        out,
    );
    section.finish(out);
    limiter
}
