//! The `memory_limiter` processor: while the process uses more memory than its soft limit, senders are asked
//! to wait. What is in the pipeline already goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use crate::config::MemoryLimiter;

/// Open while there is memory.
pub struct MemoryGate {
    closed: AtomicBool,
    soft_limit_bytes: u64,
}

const MIB: u64 = 1024 * 1024;

impl MemoryGate {
    /// A gate that checks itself as long as it is held; must be called within a tokio runtime.
    pub fn start(config: &MemoryLimiter) -> Arc<Self> {
        let gate = Arc::new(MemoryGate {
            closed: AtomicBool::new(false),
            soft_limit_bytes: soft_limit(config),
        });
        let weak = Arc::downgrade(&gate);
        let mut ticks = tokio::time::interval(config.check_interval);
        tokio::spawn(async move {
            loop {
                ticks.tick().await;
                let Some(gate) = weak.upgrade() else { return };
                gate.check(resident_bytes());
            }
        });
        gate
    }

    fn check(&self, used: Option<u64>) {
        let Some(used) = used else { return };
        let closed = used > self.soft_limit_bytes;
        if self.closed.swap(closed, Relaxed) != closed {
            let (used, limit) = (used / MIB, self.soft_limit_bytes / MIB);
            match closed {
                true => tracing::warn!(
                    used_mib = used,
                    soft_limit_mib = limit,
                    "memory limit reached; senders are asked to wait"
                ),
                false => tracing::info!(
                    used_mib = used,
                    soft_limit_mib = limit,
                    "memory is below its limit again"
                ),
            }
        }
    }

    /// Whether batches may come in.
    pub fn is_open(&self) -> bool {
        !self.closed.load(Relaxed)
    }
}

/// The limit less the spike limit, which is a fifth of it if not given.
fn soft_limit(config: &MemoryLimiter) -> u64 {
    let (limit, spike) = if config.limit_mib > 0 {
        (config.limit_mib * MIB, config.spike_limit_mib * MIB)
    } else {
        let total = total_bytes().unwrap_or(u64::MAX / 100);
        let share = |percentage: u64| total / 100 * percentage;
        (
            share(config.limit_percentage),
            share(config.spike_limit_percentage),
        )
    };
    let spike = if spike == 0 { limit / 5 } else { spike };
    limit.saturating_sub(spike)
}

/// Resident memory of this process; nothing where the system does not tell.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kib(&status, "VmRSS:")
}

/// Memory there is: the control group's limit, or the machine's.
fn total_bytes() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|info| kib(&info, "MemTotal:"));
    let group = std::fs::read_to_string("/sys/fs/cgroup/memory.max")
        .ok()
        .and_then(|max| max.trim().parse().ok());
    match (machine, group) {
        (Some(machine), Some(group)) => Some(machine.min(group)),
        (machine, group) => machine.or(group),
    }
}

fn kib(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    number.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_closes_above_the_soft_limit_and_opens_below() {
        let gate = MemoryGate {
            closed: AtomicBool::new(false),
            soft_limit_bytes: 80 * MIB,
        };
        for (used, open) in [(79, true), (81, false), (200, false), (10, true)] {
            gate.check(Some(used * MIB));
            assert_eq!(gate.is_open(), open, "{used} MiB");
        }
    }

    #[test]
    fn the_process_knows_its_memory() {
        assert!(resident_bytes().is_none_or(|bytes| bytes > MIB));
    }
}
