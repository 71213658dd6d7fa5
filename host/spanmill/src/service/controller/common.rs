//! What changes have in common: locks, and what is said of those that fail.

use std::sync::{Mutex, PoisonError};

use spanmill_admin::{ControlError, SwappedComponent};

use crate::config::Diagnostics;
use crate::pipeline::VersionReplacement;
use crate::service::error::StartError;

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn invalid(error: impl std::fmt::Display) -> ControlError {
    ControlError::Invalid(error.to_string())
}

pub(super) fn not_changed(error: StartError) -> ControlError {
    match error {
        StartError::RolledBack => ControlError::Conflict(error.to_string()),
        error => invalid(error),
    }
}

/// Diagnostics as the reason of a refusal, which is called an error already.
pub(super) fn refused(found: &Diagnostics) -> ControlError {
    let found = found.render(false);
    invalid(found.strip_prefix("error: ").unwrap_or(&found).trim_end())
}

/// As much of a hash as people read.
pub(super) fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

/// What was replaced, as reports have it.
pub(super) fn components(replaced: &[VersionReplacement]) -> Vec<SwappedComponent> {
    let component = |one: &VersionReplacement| SwappedComponent {
        component: one.new.id.to_string(),
        from: one.old.plugin.hash().to_owned(),
        to: one.new.plugin.hash().to_owned(),
        state_handed_over: one.state_handed_over,
        allowed_more: Vec::new(),
    };
    replaced.iter().map(component).collect()
}
