//! Resident memory of a process, as Linux tells it.

/// A line of `/proc/PID/status`, in MiB.
fn status(pid: u32, key: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib: u64 = line
        .and_then(|line| line.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .unwrap();
    kib / 1024
}

/// What it holds now.
pub(super) fn resident_mib(pid: u32) -> u64 {
    status(pid, "VmRSS:")
}

/// The most it has held since [`forget_peak`].
pub(super) fn peak_mib(pid: u32) -> u64 {
    status(pid, "VmHWM:")
}

/// Begins to look for a peak.
pub(super) fn forget_peak(pid: u32) {
    // See proc(5), clear_refs.
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").unwrap();
}
