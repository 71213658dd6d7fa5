//! One instance: its settings, and what it has counted.

use std::cell::RefCell;

#[derive(Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(crate) behaviour: String,
    /// What the second version does instead.
    pub(crate) v2: Option<String>,
    /// What `rename` calls every span.
    #[serde(default)]
    pub(crate) name: String,
    /// How large `big-outcome`, `giant-outcome` and `giant-snapshot` are.
    pub(crate) size_mib: Option<usize>,
}

impl Settings {
    pub(crate) fn size(&self, default_mib: usize) -> usize {
        self.size_mib.unwrap_or(default_mib) << 20
    }
}

#[derive(Default)]
pub(crate) struct Instance {
    pub(crate) settings: Settings,
    /// Handed on by a snapshot.
    pub(crate) batches: u64,
    /// This instance's own, whatever was restored.
    pub(crate) served: u64,
    pub(crate) hoard: Vec<Vec<u8>>,
}

thread_local! {
    pub(crate) static INSTANCE: RefCell<Instance> = RefCell::default();
}
