//! The settings of the `memory_limiter` processor; what it does is in `pipeline/gate.rs`.

use std::time::Duration;

use spanmill_manifest::{Diagnostic, Diagnostics, Section};

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

/// Reads its settings.
pub(super) fn read(mut section: Section<'_>, out: &mut Diagnostics) -> MemoryLimiter {
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
