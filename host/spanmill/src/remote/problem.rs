//! Why a plugin is not to be had, as its manifest's author reads it.

use spanmill_distribution::DistributionError;
#[cfg(feature = "fetch")]
use spanmill_distribution::{LOCK_FILE, Location};

use crate::config::{Diagnostic, PluginSpec};

/// A complaint, and what to do.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) why: String,
    pub(super) help: Option<String>,
    /// Whether it is about `keys`, and not about where the plugin is.
    pub(super) is_of_keys: bool,
}

impl From<String> for Problem {
    fn from(why: String) -> Self {
        Problem {
            why,
            help: None,
            is_of_keys: false,
        }
    }
}

impl From<DistributionError> for Problem {
    fn from(error: DistributionError) -> Self {
        Problem::from(error.to_string())
    }
}

impl Problem {
    pub(super) fn of_keys(why: String) -> Self {
        Problem {
            is_of_keys: true,
            ..Problem::from(why)
        }
    }

    /// What is wrong with what a location led to.
    #[cfg(feature = "fetch")]
    pub(super) fn new(error: DistributionError, location: &Location) -> Self {
        let help = match &error {
            DistributionError::NotPinned { .. } => Some(format!(
                "`spanmill plugin pull --config FILE` writes its digest into {LOCK_FILE}; or pin it here, with `@sha256:..`, or \
                 `digest:` for an address"
            )),
            DistributionError::Digest { .. } => Some(
                "do not use it before you know why; if what is there now is meant, pin its digest".to_owned(),
            ),
            DistributionError::NotSigned { .. } if location.is_registry() => Some(
                "sign it with `cosign sign --key`, or `spanmill plugin push --key`; or name the key of who signed it in `keys:`"
                    .to_owned(),
            ),
            DistributionError::NotSigned { .. } => Some(SIGN_FILE.to_owned()),
            _ => None,
        };
        Problem {
            help,
            ..Problem::from(error)
        }
    }

    pub(super) fn diagnostic(self, owner: &str, spec: &PluginSpec) -> Diagnostic {
        let source = spec.source_place.or(spec.place);
        let place = match self.is_of_keys {
            true => spec.keys_place.or(source),
            false => source,
        };
        let message = format!("{owner}: {}", self.why);
        Diagnostic::error(place.unwrap_or_default(), message).maybe_help(self.help)
    }
}

#[cfg(feature = "fetch")]
/// What to do about a file that is not signed.
pub(super) const SIGN_FILE: &str = "put NAME.wasm.sig beside it, of `cosign sign-blob --key` or `openssl dgst -sha256 -sign`, before the file itself; or name the key of who \
                         signed it in `keys:`";
