//! Processors: how many this process may use.

use std::num::NonZero;
use std::path::Path;

use crate::control_groups::folders;

/// The processors that this process may use, at least one: those that the system lets it run on, and of these no more than the CPU
/// quota of its control groups allows, rounded up. A quota of one and a half takes two threads to use.
pub fn available_processors() -> usize {
    // The standard library rounds quotas down, so it is asked only where the system does not say more.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let allowed = allowed(&status)
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, NonZero::get));
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let quota = quota(Path::new("/sys/fs/cgroup"), &groups);
    allowed.min(quota.unwrap_or(usize::MAX)).max(1)
}

/// How many processors `/proc/self/status` lets the process run on: the bits of a mask in hexadecimal, `ff,ffffffff`.
fn allowed(status: &str) -> Option<usize> {
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("Cpus_allowed:"))?;
    let digits = mask.chars().filter_map(|digit| digit.to_digit(16));
    let bits: u32 = digits.map(u32::count_ones).sum();
    usize::try_from(bits).ok().filter(|bits| *bits > 0)
}

/// The lowest CPU quota of the control groups that `/proc/self/cgroup` names, and of those above them, in processors, rounded up; `None`
/// if there is none.
fn quota(mounted: &Path, groups: &str) -> Option<usize> {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    let number = |text: &str| text.trim().parse::<u64>().ok();
    let quotas = folders(mounted, groups, "cpu")
        .into_iter()
        .filter_map(|group| {
            let (quota, period) = match group.is_unified {
                // `max 100000`, or a quota and a period in microseconds.
                true => {
                    let text = read(&group.path.join("cpu.max"))?;
                    let (quota, period) = text.trim().split_once(' ')?;
                    (number(quota)?, number(period)?)
                }
                // A quota of -1 is none.
                false => {
                    let one = |file: &str| number(&read(&group.path.join(file))?);
                    (one("cpu.cfs_quota_us")?, one("cpu.cfs_period_us")?)
                }
            };
            let processors = quota
                .checked_add(period.checked_sub(1)?)?
                .checked_div(period)?;
            usize::try_from(processors).ok()
        });
    quotas.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of control groups: its path below their root, and what stands in it.
    fn write(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn quotas_are_rounded_up_and_the_lowest_counts() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let of = |groups: &str| quota(root, groups);
        assert_eq!(of("0::/pod/container\n"), None);
        write(root, "pod/container/cpu.max", "max 100000\n");
        assert_eq!(of("0::/pod/container\n"), None);
        write(root, "pod/container/cpu.max", "300000 100000\n");
        assert_eq!(of("0::/pod/container\n"), Some(3));
        write(root, "pod/container/cpu.max", "150000 100000\n");
        assert_eq!(of("0::/pod/container\n"), Some(2));
        // A quota of the group above is one of this one as well.
        write(root, "pod/cpu.max", "10000 50000\n");
        assert_eq!(of("0::/pod/container\n"), Some(1));
        // In a container, `/` may be the group that the file names by its path outside.
        write(root, "cpu.max", "400000 100000\n");
        assert_eq!(of("0::/kubepods/pod7\n"), Some(4));
    }

    #[test]
    fn the_first_version_of_control_groups_is_read_as_well() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let groups = "4:memory:/docker/x\n3:cpu,cpuacct:/docker/x\n";
        assert_eq!(quota(root, groups), None);
        write(root, "cpu/docker/x/cpu.cfs_quota_us", "-1\n");
        write(root, "cpu/docker/x/cpu.cfs_period_us", "100000\n");
        assert_eq!(quota(root, groups), None);
        write(root, "cpu/docker/x/cpu.cfs_quota_us", "250000\n");
        assert_eq!(quota(root, groups), Some(3));
        write(root, "cpu/docker/cpu.cfs_quota_us", "200000\n");
        write(root, "cpu/docker/cpu.cfs_period_us", "100000\n");
        assert_eq!(quota(root, groups), Some(2));
        // Nothing that can be divided by.
        write(root, "cpu/docker/cpu.cfs_period_us", "0\n");
        assert_eq!(quota(root, groups), Some(3));
    }

    #[test]
    fn the_processors_of_a_mask_are_counted() {
        let of = |mask: &str| allowed(&format!("Name:\tspanmill\nCpus_allowed:\t{mask}\n"));
        assert_eq!(of("3"), Some(2));
        assert_eq!(of("ff,ffffffff"), Some(40));
        assert_eq!(of("0"), None);
        assert_eq!(allowed(""), None);
    }

    #[test]
    fn there_is_a_processor_and_no_more_than_the_machine_has() {
        let known = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let known = known.matches("processor").count();
        let available = available_processors();
        assert!(available >= 1);
        assert!(known == 0 || available <= known);
    }
}
