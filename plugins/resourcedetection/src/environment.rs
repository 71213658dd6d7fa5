//! Where facts come from: variables that the host gives.

/// The variables of an environment.
pub trait Environment {
    /// The value of a variable; `None` if it is not set.
    fn variable(name: &str) -> Option<String>;
}

/// The environment of this process: in a sandbox, what the host puts there.
#[derive(Debug)]
pub struct Process;

impl Environment for Process {
    fn variable(name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
