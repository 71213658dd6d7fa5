//! The pages of the program itself.

use std::ops::Range;

/// Lets go of the pages of this program's code: a start runs ten times as much of it as what follows. What runs on is mapped again
/// from the system's cache when it is next run, which takes microseconds; the rest counts as nobody's, and gives way to what needs room.
pub fn let_go_of_code() {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let Some(code) = mapping_of(&maps, let_go_of_code as *const () as usize) else {
        return;
    };
    #[cfg(target_os = "linux")]
    {
        let length = code.end.saturating_sub(code.start);
        let begin = std::ptr::with_exposed_provenance_mut(code.start);
        // SAFETY: the mapping is of a file, and nobody can have written to it, so that each of its pages is read again as it was.
        #[allow(unsafe_code)]
        let _ = unsafe { rustix::mm::madvise(begin, length, rustix::mm::Advice::LinuxDontNeed) };
    }
}

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
    fn code_that_was_let_go_of_runs_on() {
        let code = |maps: &str| mapping_of(maps, let_go_of_code as *const () as usize);
        assert!(code(&std::fs::read_to_string("/proc/self/maps").unwrap()).is_some());
        let_go_of_code();
        let_go_of_code();
    }
}
