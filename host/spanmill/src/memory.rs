//! Memory: how much there is, how much is used, and budgets that are reserved from before it is.

mod program;

use std::path::Path;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::control_groups::folders;

pub use program::let_go_of_code;

const KIB: usize = 1024;

/// A bound on what some buffers hold together. Clones share it.
#[derive(Clone, Debug)]
pub struct Budget {
    /// In KiB.
    room: Arc<Semaphore>,
    total_kib: usize,
}

/// Why a reservation does not grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Others have reserved too much; there may be room later.
    ForNow,
    /// The whole budget is smaller.
    ForGood {
        /// What was wanted, in bytes.
        wanted: usize,
        /// The budget, in bytes.
        total: u64,
    },
}

/// A share of a [`Budget`], given back when dropped.
#[derive(Debug)]
pub struct Reservation {
    budget: Budget,
    permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A budget of about so many bytes.
    pub fn new(bytes: u64) -> Self {
        let kib = usize::try_from(bytes / KIB as u64).unwrap_or(usize::MAX);
        let total_kib = kib.clamp(1, Semaphore::MAX_PERMITS);
        Budget {
            room: Arc::new(Semaphore::new(total_kib)),
            total_kib,
        }
    }

    /// A reservation of nothing, which may grow.
    pub fn nothing(&self) -> Reservation {
        Reservation {
            budget: self.clone(),
            permit: None,
        }
    }

    /// Reserves room for what is there already, or returns `None` if there is not enough. What is larger than the whole
    /// budget needs all of it.
    pub fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let mut reservation = self.nothing();
        let bytes = bytes.min(self.total_kib.saturating_mul(KIB));
        reservation.grow_to(bytes).is_ok().then_some(reservation)
    }

    /// How much is reserved, in bytes.
    pub fn reserved(&self) -> u64 {
        let used = self.total_kib.saturating_sub(self.room.available_permits());
        u64::try_from(used.saturating_mul(KIB)).unwrap_or(u64::MAX)
    }

    /// How much can be reserved in all, in bytes.
    pub fn total(&self) -> u64 {
        u64::try_from(self.total_kib.saturating_mul(KIB)).unwrap_or(u64::MAX)
    }
}

impl Reservation {
    /// Makes it at least so many bytes. If there is no room, it stays as it was.
    ///
    /// # Errors
    ///
    /// Why there is no room.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), Shortage> {
        let wanted = bytes.div_ceil(KIB);
        let has = self
            .permit
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(more) = wanted.checked_sub(has).filter(|more| *more > 0) else {
            return Ok(());
        };
        let for_good = Shortage::ForGood {
            wanted: bytes,
            total: self.budget.total(),
        };
        let more = u32::try_from(more).map_err(|_| for_good)?;
        match Arc::clone(&self.budget.room).try_acquire_many_owned(more) {
            Ok(permit) => {
                match &mut self.permit {
                    Some(held) => held.merge(permit),
                    None => self.permit = Some(permit),
                }
                Ok(())
            }
            Err(_) if wanted > self.budget.total_kib => Err(for_good),
            Err(_) => Err(Shortage::ForNow),
        }
    }

    /// Gives back what exceeds so many bytes.
    pub fn shrink_to(&mut self, bytes: usize) {
        let wanted = bytes.div_ceil(KIB);
        if let Some(permit) = &mut self.permit
            && let Some(surplus) = permit.num_permits().checked_sub(wanted)
        {
            drop(permit.split(surplus));
        }
    }
}

/// Gives back what has been freed and is kept for the next allocation: after a start, or a change, which takes far more than what follows.
pub fn give_back() {
    // SAFETY: collects free memory of the calling thread's heap and of threads that have ended; nothing that is in use moves.
    #[allow(unsafe_code)]
    unsafe {
        libmimalloc_sys::mi_collect(true);
    }
}

/// Resident memory of this process, in bytes; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    kib(&status, "VmRSS:")
}

/// The memory that this process may use, in bytes: the machine's, or the limit of a control group that it is in.
/// `None` where the system does not say.
pub fn available_bytes() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|info| kib(&info, "MemTotal:"));
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limit = group_limit(Path::new("/sys/fs/cgroup"), &groups);
    match (machine, limit) {
        (Some(machine), Some(limit)) => Some(machine.min(limit)),
        (machine, limit) => machine.or(limit),
    }
}

/// The lowest memory limit of the control groups that `/proc/self/cgroup` names, and of those above them.
fn group_limit(mounted: &Path, groups: &str) -> Option<u64> {
    let limits = folders(mounted, groups, "memory").into_iter();
    let limits = limits.filter_map(|group| {
        let file = match group.is_unified {
            true => "memory.max",
            false => "memory.limit_in_bytes",
        };
        let text = std::fs::read_to_string(group.path.join(file)).ok()?;
        text.trim().parse::<u64>().ok()
    });
    limits.min()
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
    fn reservations_grow_shrink_and_are_given_back() {
        let budget = Budget::new(10 * 1024);
        let mut one = budget.reserve(3000).unwrap();
        assert_eq!(budget.reserved(), 3 * 1024);
        assert_eq!(one.grow_to(8 * 1024), Ok(()));
        let for_good = Shortage::ForGood {
            wanted: 11 * 1024,
            total: 10 * 1024,
        };
        assert_eq!(one.grow_to(11 * 1024), Err(for_good));
        assert!(budget.reserve(3 * 1024).is_none());
        one.shrink_to(1);
        assert_eq!(budget.reserved(), 1024);
        let two = budget.reserve(9 * 1024).unwrap();
        assert_eq!(one.grow_to(2048), Err(Shortage::ForNow));
        drop(two);
        drop(one);
        assert_eq!(budget.reserved(), 0);
        // Larger than the budget: all of it.
        assert_eq!(budget.reserve(1 << 30).map(|_| ()), Some(()));
    }

    #[test]
    fn the_lowest_limit_of_the_groups_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = root.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let limit = |groups: &str| group_limit(root.path(), groups);
        assert_eq!(limit("0::/a/b\n"), None);
        write("memory.max", "max\n");
        write("a/memory.max", "2000\n");
        write("a/b/memory.max", "3000\n");
        assert_eq!(limit("0::/a/b\n"), Some(2000));
        assert_eq!(limit("0::/c\n"), None);
        write("memory/docker/x/memory.limit_in_bytes", "700\n");
        let both = "5:cpu,cpuacct:/y\n4:memory:/docker/x\n0::/a\n";
        assert_eq!(limit(both), Some(700));
        assert_eq!(limit("nonsense\n\n::"), None);
    }

    #[test]
    fn the_process_knows_its_memory() {
        assert!(resident_bytes().is_none_or(|bytes| bytes > 1024 * 1024));
        assert!(available_bytes().is_none_or(|bytes| bytes > 16 * 1024 * 1024));
    }
}
