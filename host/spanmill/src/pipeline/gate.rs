//! The `memory_limiter` processor: while the process uses more memory than its soft limit, senders are asked
//! to wait. What is in the pipeline already goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use crate::config::MemoryLimiter;
use crate::memory::resident_bytes;

/// Open while there is memory.
pub struct MemoryGate {
    closed: AtomicBool,
    soft_limit_bytes: u64,
    /// Requests refused since it was closed.
    refused: AtomicU64,
}

const MIB: u64 = 1024 * 1024;

impl MemoryGate {
    /// A gate that checks itself as long as it is held; must be called within a tokio runtime.
    /// Percentages are of `available`, in bytes.
    pub fn start(config: &MemoryLimiter, available: Option<u64>) -> Arc<Self> {
        let gate = Arc::new(MemoryGate::new(soft_limit(config, available)));
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

    fn new(soft_limit_bytes: u64) -> Self {
        MemoryGate {
            closed: AtomicBool::new(false),
            soft_limit_bytes,
            refused: AtomicU64::new(0),
        }
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
                false => {
                    let refused = self.refused.swap(0, Relaxed);
                    tracing::info!(
                        used_mib = used,
                        soft_limit_mib = limit,
                        refused,
                        "memory is below its limit again; {refused} requests were refused meanwhile"
                    );
                }
            }
        }
    }

    /// Counts a request that was refused because it is closed.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    /// Whether batches may come in.
    pub fn is_open(&self) -> bool {
        !self.closed.load(Relaxed)
    }
}

/// The limit less the spike limit, which is a fifth of it if not given.
fn soft_limit(config: &MemoryLimiter, available: Option<u64>) -> u64 {
    let (limit, spike) = if config.limit_mib > 0 {
        let bytes = |mib: u64| mib.saturating_mul(MIB);
        (bytes(config.limit_mib), bytes(config.spike_limit_mib))
    } else {
        let total = available.unwrap_or(u64::MAX / 100);
        let share = |percentage: u64| (total / 100).saturating_mul(percentage);
        (
            share(config.limit_percentage),
            share(config.spike_limit_percentage),
        )
    };
    let spike = if spike == 0 { limit / 5 } else { spike };
    limit.saturating_sub(spike)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gate_closes_above_the_soft_limit_and_opens_below() {
        let gate = MemoryGate::new(80 * MIB);
        for (used, open) in [(79, true), (81, false), (200, false), (10, true)] {
            gate.check(Some(used * MIB));
            assert_eq!(gate.is_open(), open, "{used} MiB");
        }
    }

    #[test]
    fn percentages_are_of_what_the_process_may_use() {
        let config = MemoryLimiter {
            check_interval: std::time::Duration::from_secs(1),
            limit_mib: 0,
            spike_limit_mib: 0,
            limit_percentage: 50,
            spike_limit_percentage: 0,
        };
        assert_eq!(soft_limit(&config, Some(1000 * MIB)), 400 * MIB);
    }
}
