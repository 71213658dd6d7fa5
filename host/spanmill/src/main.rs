//! The `spanmill` binary; see `spanmill --help`.

use std::process::ExitCode;

use libmimalloc_sys::{_mi_option_last, mi_option_set, mi_option_t};

// Batches are large and short-lived: the system's allocator gives their pages back and faults them in anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Blocks from this size on are mapped one by one, in KiB. What a large request took is then given back when it is freed;
/// otherwise each thread that ever read one keeps as much, until it allocates again.
const LARGEST_IN_ARENA_KIB: std::ffi::c_long = 4096;

/// How much the allocator reserves at a time where the process may have few addresses, in KiB; otherwise it is a gigabyte.
const SMALL_RESERVE_KIB: std::ffi::c_long = 32 * 1024;

/// `mi_option_arena_reserve`, which the bindings do not name.
const ARENA_RESERVE: mi_option_t = 23;
/// `mi_option_arena_max_object_size`, which the bindings do not name.
const ARENA_MAX_OBJECT_SIZE: mi_option_t = 45;
// As numbered in mimalloc 3.
const _: () = assert!(_mi_option_last == 47);

/// Whether there is a limit on the process's addresses (`ulimit -v`).
fn has_few_addresses() -> bool {
    use rustix::process::{Resource, getrlimit};
    getrlimit(Resource::As).current.is_some()
}

fn main() -> ExitCode {
    // SAFETY: sets numbers that mimalloc reads at each allocation from the operating system; there are no other threads yet.
    #[allow(unsafe_code)]
    unsafe {
        mi_option_set(ARENA_MAX_OBJECT_SIZE, LARGEST_IN_ARENA_KIB);
        if has_few_addresses() {
            mi_option_set(ARENA_RESERVE, SMALL_RESERVE_KIB);
        }
    }
    spanmill::cli::main()
}
