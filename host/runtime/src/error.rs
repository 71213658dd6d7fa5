//! What can go wrong with a plugin: at load, at configure, at a call.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use spanmill_otlp::OutcomeError;

use crate::precompiled::PrecompiledError;
use crate::role::Kind;

/// Why a file did not become a plugin.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the plugin {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The file is another one than it should be.
    #[error("the plugin {path} has the digest sha256:{found}, not sha256:{expected}")]
    Digest {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What it has.
        found: String,
    },
    /// The file is a core WebAssembly module.
    #[error(
        "{name} is a core WebAssembly module, not a component; build it for wasm32-wasip2, or wrap it with `wasm-tools component new`"
    )]
    CoreModule {
        /// The file.
        name: String,
    },
    /// The file is not WebAssembly.
    #[error("{name} is not a WebAssembly component: {why}")]
    NotAComponent {
        /// The file.
        name: String,
        /// What the compiler said.
        why: String,
    },
    /// There is more in the component than any plugin needs.
    #[error(
        "{name} is not compiled: {why}; build it smaller, optimized and without what it does not use"
    )]
    TooComplex {
        /// The file.
        name: String,
        /// Of what there is too much.
        why: String,
    },
    /// The compiler ran into its limits.
    #[error(
        "{name} is not compiled: {why}; SPANMILL_COMPILE_MEMORY_MIB and SPANMILL_COMPILE_TIMEOUT raise the limits for a plugin that you trust"
    )]
    CompileLimit {
        /// The file.
        name: String,
        /// Which limit.
        why: String,
    },
    /// A precompiled plugin does not run here.
    #[error("{name} is a precompiled plugin and does not run: {why}")]
    Precompiled {
        /// The file.
        name: String,
        /// Why not.
        why: PrecompiledError,
    },
    /// WebAssembly, and nothing that compiles it.
    #[error(
        "{name} is WebAssembly, and this spanmill has no compiler: compile it elsewhere, with `spanmill plugin compile --key`"
    )]
    NoCompiler {
        /// The file.
        name: String,
    },
    /// The process ends.
    #[error("{name} is not compiled: the process is ending")]
    Stopped {
        /// The file.
        name: String,
    },
    /// No interface of ours is exported.
    #[error(
        "{name} exports none of spanmill:plugin/processor, connector, record-connector and router; it exports {exports}"
    )]
    NoInterface {
        /// The file.
        name: String,
        /// What it exports.
        exports: String,
    },
    /// The plugin is asked to be what it is not.
    #[error("{name} is no {wanted}, but a {kinds}")]
    Role {
        /// The file.
        name: String,
        /// What it should be.
        wanted: Kind,
        /// What it is.
        kinds: String,
    },
    /// The plugin is built against another version of the contract.
    #[error(
        "{name} is built against {found}, and this host speaks {supported}; rebuild it against this host's wit/"
    )]
    Version {
        /// The file.
        name: String,
        /// The interface it exports.
        found: String,
        /// The interface this host would take.
        supported: &'static str,
    },
    /// The plugin imports what it may not have.
    #[error("{name} imports {imports}, which no plugin is granted; build it without")]
    Imports {
        /// The file.
        name: String,
        /// The imports.
        imports: String,
    },
    /// The component does not have the shape of the contract.
    #[error("{name} does not match the contract: {why}")]
    Mismatch {
        /// The file.
        name: String,
        /// The difference.
        why: String,
    },
    /// The instance trapped or ran out of its limits while it started.
    #[error("{name} failed to start: {why}")]
    Start {
        /// The file.
        name: String,
        /// What happened.
        why: String,
    },
    /// What the plugin says of itself breaks the contract, or it fails to say it.
    #[error("{name} does not say what it is: its `about` interface {why}")]
    About {
        /// The file.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// The engine cannot be set up on this machine.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
}

/// One mistake in a plugin's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer into the settings.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// Why a plugin did not take its settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigureError {
    /// Mistakes in the settings.
    #[error("{} in the settings: {}", count(.0.len()), .0.iter().map(|p| p.message.as_str()).collect::<Vec<_>>().join("; "))]
    Settings(Vec<Problem>),
    /// The plugin says that it cannot run here.
    #[error("the plugin cannot run: {0}")]
    Unavailable(String),
    /// What it declared breaks the contract.
    #[error("the plugin declares what it may not: {0}")]
    Contract(String),
    /// The instance could not be made.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// `configure` itself failed.
    #[error("configure failed: {0}")]
    Fault(#[from] Fault),
}

/// Characters of a plugin's own words that are kept.
const WORDS: usize = 1000;

/// A plugin's own words, or the names in it, as they may stand in a message: short, and without what could forge lines or
/// move a terminal's cursor.
pub(crate) fn words(text: &str) -> String {
    text.chars()
        .take(WORDS)
        .map(|char| if char.is_control() { ' ' } else { char })
        .collect()
}

fn count(problems: usize) -> String {
    match problems {
        1 => "a mistake".to_owned(),
        many => format!("{many} mistakes"),
    }
}

/// Why a call of a plugin gave nothing. The batch then follows the plugin's `on_error`.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// The guest trapped.
    #[error("trapped: {0}")]
    Trap(String),
    /// The call took longer than it may.
    #[error("did not return within {limit:?}{place}")]
    Deadline {
        /// What it may take.
        limit: Duration,
        /// The functions that it was in, if it names them: ` in spin, called by process`.
        place: String,
    },
    /// The guest asked for more memory than it may have.
    #[error("needs more than its {limit_mib} MiB of memory{place}")]
    Memory {
        /// What it may have.
        limit_mib: u64,
        /// The functions that it was in when it gave up, if it names them.
        place: String,
    },
    /// The answer was larger than it may be.
    #[error("answered with more than {0} MiB")]
    Output(u64),
    /// The plugin refused this batch.
    #[error("refused the batch: {0}")]
    Batch(String),
    /// The plugin gave its own state up.
    #[error("lost its state: {0}")]
    State(String),
    /// The answer breaks a rule of the contract.
    #[error("broke the contract: {0}")]
    Outcome(#[from] OutcomeError),
    /// An emission that breaks a rule of the contract.
    #[error("broke the contract: {0}")]
    Emission(String),
    /// Decisions about held rows that break a rule of the contract.
    #[error("broke the contract: {0}")]
    Decisions(String),
    /// Reasons that break a rule of the contract.
    #[error("broke the contract: {0}")]
    Reasons(String),
    /// The plugin does not take over another's state.
    #[error("did not take over the state: {0}")]
    Restore(String),
    /// The plugin failed again and again, and is made anew only after a pause.
    #[error("is quarantined for {0:?} after repeated faults")]
    Quarantined(Duration),
    /// A new instance could not be made.
    #[error("could not be restarted: {0}")]
    Restart(String),
}

impl Fault {
    /// Whether the instance is of no more use.
    pub fn ends_instance(&self) -> bool {
        !matches!(self, Fault::Batch(_) | Fault::Quarantined(_)) && !self.is_of_size()
    }

    /// Whether the answer was too much for a batch, and nothing else is wrong with it or the plugin.
    pub(crate) fn is_of_size(&self) -> bool {
        matches!(self, Fault::Outcome(error) if error.is_of_size())
    }

    /// Whether such a fault may come from what a batch holds: a new instance would meet it again.
    pub fn is_of_the_batch(&self) -> bool {
        matches!(
            self,
            Fault::Trap(_) | Fault::Deadline { .. } | Fault::Memory { .. } | Fault::Output(_)
        )
    }

    /// Its kind in a word, for counting.
    pub fn kind(&self) -> &'static str {
        match self {
            Fault::Trap(_) => "trap",
            Fault::Deadline { .. } => "deadline",
            Fault::Memory { .. } => "memory",
            Fault::Output(_) => "output",
            Fault::Batch(_) => "refused",
            Fault::State(_) | Fault::Restore(_) => "state",
            Fault::Outcome(_) | Fault::Emission(_) | Fault::Decisions(_) | Fault::Reasons(_) => {
                "contract"
            }
            Fault::Quarantined(_) => "quarantined",
            Fault::Restart(_) => "restart",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugins_words_are_short_and_on_one_line() {
        assert_eq!(
            words("as they are: über\u{7}\r\n\u{1b}[2J"),
            "as they are: über    [2J"
        );
        assert_eq!(words(&"ü".repeat(5_000_000)).chars().count(), WORDS);
    }
}
