//! Changes on probation.

use std::sync::{Arc, Mutex};

use crate::config::ComponentId;
use crate::pipeline::Swapped;
use crate::service::running::PendingTrial;
use crate::service::save::ManifestEdit;

/// Changes whose trials are not concluded.
#[derive(Default)]
pub(super) struct Trials(pub(super) Mutex<Vec<Arc<TrialEntry>>>);

/// A change on probation.
pub(super) struct TrialEntry {
    pub(super) on_trial: PendingTrial,
    /// The components that were swapped and what they ran before; `None` for a reload.
    pub(super) swapped: Option<(Vec<ComponentId>, Swapped)>,
    /// What is written to the manifest once it has passed.
    pub(super) save: Option<ManifestEdit>,
}
