//! The `spanmill` binary; see `spanmill --help`.

use std::process::ExitCode;

// Batches are large and short-lived: the system's allocator gives their pages back and faults them in anew.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    spanmill::cli::main()
}
