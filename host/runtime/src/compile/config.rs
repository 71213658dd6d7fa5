//! What compiling may take.

use std::path::PathBuf;
use std::time::Duration;

/// What compiling one plugin may take, and where it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompilerConfig {
    /// A program that calls [`compile_child`](crate::compile_child) when its first argument is [`CompilerConfig::COMMAND`]; `None` compiles
    /// in this process, without limits: for trusted plugins in tests and benches.
    pub program: Option<PathBuf>,
    /// Memory of the process, in MiB.
    pub memory_mib: u64,
    /// How long it may take.
    pub timeout: Duration,
}

impl CompilerConfig {
    /// The first argument of the program; two numbers follow.
    pub const COMMAND: &str = "compile-plugin";
}

impl Default for CompilerConfig {
    fn default() -> Self {
        CompilerConfig {
            program: None,
            memory_mib: 1024,
            timeout: Duration::from_secs(180),
        }
    }
}
