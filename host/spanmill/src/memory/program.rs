//! The pages of the program itself.

use std::ops::Range;

/// Lets go of the pages of this program's code: a start runs ten times as much of it as what follows. What runs on is mapped again
/// from the system's cache when it is next run, which takes microseconds; the rest counts as nobody's, and gives way to what needs room.
pub fn let_go_of_code() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let Some(code) = mapping_of(&maps, let_go_of_code as *const () as usize) else {
        return;
    };
    discard(code);
}

#[cfg(target_os = "linux")]
fn discard(code: Range<usize>) {
    let length = code.end.saturating_sub(code.start);
    let begin = std::ptr::with_exposed_provenance_mut(code.start);
    // SAFETY: the mapping is of a file, and nobody can have written to it, so that each of its pages is read again as it was.
    #[allow(unsafe_code)]
    let _ = unsafe { rustix::mm::madvise(begin, length, rustix::mm::Advice::LinuxDontNeed) };
}

#[cfg(not(target_os = "linux"))]
fn discard(_: Range<usize>) {}

/// The mapping that an address lies in, by `/proc/self/maps`; `None` unless it is code of a file that cannot be written to.
fn mapping_of(maps: &str, address: usize) -> Option<Range<usize>> {
    let mut found = maps.lines().filter_map(|line| {
        // `begin-end permissions offset device inode path`
        let mut words = line.split_ascii_whitespace();
        let (begin, end) = words.next()?.split_once('-')?;
        let range = usize::from_str_radix(begin, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
        let is_code = words.next()? == "r-xp";
        let inode = words.nth(2)?;
        range
            .contains(&address)
            .then_some((range, is_code && inode != "0"))
    });
    let (range, is_code) = found.next()?;
    is_code.then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_a_file_is_let_go_of() {
        let maps = "\
            1000-3000 r--p 00000000 fe:00 77 /usr/bin/spanmill\n\
            3000-9000 r-xp 00002000 fe:00 77 /usr/bin/spanmill (deleted)\n\
            9000-b000 rw-p 00008000 fe:00 77 /usr/bin/spanmill\n\
            c000-d000 r-xp 00000000 00:00 0 \n\
            nonsense\n";
        assert_eq!(mapping_of(maps, 0x3000), Some(0x3000..0x9000));
        assert_eq!(mapping_of(maps, 0x8fff), Some(0x3000..0x9000));
        for other in [0x1000, 0x9000, 0xc000, 0xb000, 0] {
            assert_eq!(mapping_of(maps, other), None, "{other:x}");
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn code_is_let_go_of_and_runs_on() {
        use std::os::unix::fs::FileExt as _;
        let read = |file: &str| std::fs::read_to_string(file).unwrap();
        let code = mapping_of(
            &read("/proc/self/maps"),
            let_go_of_code as *const () as usize,
        )
        .unwrap();
        let resident_kib = || {
            let smaps = read("/proc/self/smaps");
            let (_, after) = smaps.split_once(&format!("\n{:x}-", code.start)).unwrap();
            let mut lines = after.lines();
            kib(lines.find(|line| line.starts_with("Rss:")).unwrap())
        };
        let kib_of_all = code.len() / 1024;
        // Reading a page has the system map it.
        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        for page in code.clone().step_by(4096) {
            memory.read_exact_at(&mut [0], page as u64).unwrap();
        }
        let before = resident_kib();
        let_go_of_code();
        let after = resident_kib();
        assert!(before > kib_of_all * 3 / 4, "{before} of {kib_of_all}");
        assert!(after < before * 3 / 4, "{after} of {before}");
    }

    fn kib(line: &str) -> usize {
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }
}
