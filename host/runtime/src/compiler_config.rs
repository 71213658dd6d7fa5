//! What compiling may take.

use std::path::PathBuf;
use std::time::Duration;

/// What compiling one plugin may take, and where it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerConfig {
    /// A program that calls `compile_child` when its first argument is [`CompilerConfig::COMMAND`]; `None` compiles
    /// in this process, without limits: for trusted plugins in tests and benches.
    pub program: Option<PathBuf>,
    /// Memory of the process, in MiB.
    pub memory_mib: u64,
    /// How long it may take.
    pub timeout: Duration,
    /// Whether memory is worth more than time: one thread, and what it frees is given back at once.
    pub is_frugal: bool,
}

impl CompilerConfig {
    /// The first argument of the program; memory in MiB, seconds, the kind of memory and a machine follow.
    pub const COMMAND: &str = "compile-plugin";
}

impl Default for CompilerConfig {
    fn default() -> Self {
        CompilerConfig {
            program: None,
            memory_mib: 1024,
            timeout: Duration::from_secs(180),
            is_frugal: false,
        }
    }
}
