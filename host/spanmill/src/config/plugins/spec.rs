//! What `plugins:` says about a component type.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use spanmill_distribution::{Digest, Location};
use spanmill_manifest::{ComponentId, TextRange};

/// What becomes of a batch when a plugin fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The sender gets a retryable status.
    Reject,
    /// The batch goes on as if the plugin were not there.
    Pass,
    /// The batch is dropped, and counted.
    Drop,
}

/// The fields a plugin may read and write at most, in the contract's path notation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    /// Fields it may read.
    pub reads: Vec<String>,
    /// Fields it may write.
    pub writes: Vec<String>,
}

/// The environment of a plugin: variables and their values, in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PluginEnvironment(pub Arc<[(String, String)]>);

impl fmt::Debug for PluginEnvironment {
    /// Without the values: one may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// What `plugins:` says about a component type, with defaults for the rest.
#[derive(Clone, Debug)]
pub struct PluginSpec {
    /// The component type, aliases resolved.
    pub kind: String,
    /// The component's file; `None`: the built-in of this type, or what was not fetched yet.
    pub file: Option<PathBuf>,
    /// Where the file is fetched from, if it is not the user's own.
    pub location: Option<Location>,
    /// The SHA-256 that the file must have.
    pub digest: Option<Digest>,
    /// Files with public keys, one of which must have signed it; if there are none, it need not be signed.
    pub keys: Vec<PathBuf>,
    /// The most memory an instance may have.
    pub memory_mib: u64,
    /// The deadline of one call.
    pub timeout: Duration,
    /// The largest answer to one call.
    pub output_mib: u64,
    /// An instance with more memory than this is replaced between two batches.
    pub recycle_mib: u64,
    /// What becomes of a batch when the plugin fails.
    pub on_error: OnError,
    /// A bound on what it may read and write; `None`: whatever it declares.
    pub allow: Option<Allow>,
    /// What its environment is, which is empty for most.
    pub environment: PluginEnvironment,
    /// The extension that stores what its components hold, if they do not say so themselves, and where it is named.
    pub storage: Option<(ComponentId, TextRange)>,
    /// Where `plugins:` names the type, if it does.
    pub place: Option<TextRange>,
    /// Where the file's name, or its location, stands, if it does.
    pub source_place: Option<TextRange>,
    /// Where `keys` stands, if it does.
    pub keys_place: Option<TextRange>,
}

/// Three quarters of the limit: a leak is met before it costs a batch.
pub(super) fn recycle_mib(memory_mib: u64) -> u64 {
    (memory_mib / 4 * 3).max(1)
}

impl PluginSpec {
    /// Whether the other has the same limits, policy and rights; where the code is does not matter.
    pub fn has_terms_of(&self, other: &PluginSpec) -> bool {
        let terms = |spec: &PluginSpec| {
            (
                spec.memory_mib,
                spec.timeout,
                spec.output_mib,
                spec.recycle_mib,
                spec.on_error,
                spec.environment.clone(),
            )
        };
        terms(self) == terms(other) && self.allow == other.allow
    }

    /// Whether it is to be fetched, and was not yet; or nothing can be made of where it is.
    pub fn is_missing(&self) -> bool {
        self.source_place.is_some() && self.file.is_none()
    }

    pub(super) fn built_in(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            file: None,
            location: None,
            digest: None,
            keys: Vec::new(),
            memory_mib: 64,
            timeout: Duration::from_secs(1),
            output_mib: 64,
            recycle_mib: recycle_mib(64),
            on_error: OnError::Reject,
            allow: None,
            environment: PluginEnvironment::default(),
            storage: None,
            place: None,
            source_place: None,
            keys_place: None,
        }
    }
}
