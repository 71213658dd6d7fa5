//! The `spanmill` binary; see `spanmill --help`.

use std::process::ExitCode;

use libmimalloc_sys::{_mi_option_last, mi_option_set, mi_option_t};

// Batches are large and short-lived: the system's allocator gives their pages back and faults them in anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Blocks from this size on are mapped one by one, in KiB. What a large request took is then given back when it is freed;
/// otherwise each thread that ever read one keeps as much, until it allocates again.
const LARGEST_IN_ARENA_KIB: std::ffi::c_long = 4096;

/// `mi_option_arena_max_object_size`, which the bindings do not name.
const ARENA_MAX_OBJECT_SIZE: mi_option_t = 45;
// As numbered in mimalloc 3.
const _: () = assert!(_mi_option_last == 47);

fn main() -> ExitCode {
    // SAFETY: sets a number that mimalloc reads at each allocation from the operating system; there are no other threads yet.
    #[allow(unsafe_code)]
    unsafe {
        mi_option_set(ARENA_MAX_OBJECT_SIZE, LARGEST_IN_ARENA_KIB);
    }
    spanmill::cli::main()
}
