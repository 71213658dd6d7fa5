//! What the operating system says of this process.

use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};

/// Processor time and memory of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct ProcessUsage {
    /// In user and system mode.
    pub cpu: Duration,
    /// Resident, in bytes.
    pub resident: u64,
}

impl ProcessUsage {
    /// Reads it from `/proc`; `None` where there is none.
    pub fn now() -> Option<Self> {
        let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(&stat, clock_ticks_per_second(), page_size() as u64)
    }

    /// The numbers after the name, which may have anything in it.
    fn parse(stat: &str, ticks_per_second: u64, page: u64) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
        let ticks = number(11)?.saturating_add(number(12)?);
        let nanos = u128::from(ticks) * 1_000_000_000 / u128::from(ticks_per_second.max(1));
        Some(ProcessUsage {
            cpu: Duration::from_nanos(u64::try_from(nanos).ok()?),
            resident: number(21)?.saturating_mul(page),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_and_memory_stand_behind_the_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 5000 300 18446744073709551615";
        let usage = ProcessUsage::parse(stat, 100, 4096).unwrap();
        assert_eq!(usage.cpu, Duration::from_secs(3));
        assert_eq!(usage.resident, 300 * 4096);
        assert!(ProcessUsage::now().is_some_and(|usage| usage.resident > 0));
    }
}
