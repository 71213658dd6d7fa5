//! Where what is left of a batch went: known only once it is in other hands.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where a batch went from a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// It is being handed over.
    #[default]
    UnderWay,
    /// To a joint, behind which a record of its own begins.
    Onward,
    /// To these exporters and pipelines.
    To(Arc<[String]>),
    /// Nobody took it.
    NotTaken,
}

/// Tells the ledger where what it has noted of a batch goes. Dropped before it has said so, it says that nobody took it.
#[derive(Debug)]
pub(crate) struct Handover(Arc<Mutex<Whereabouts>>);

/// What a record keeps of it.
#[derive(Clone, Debug)]
pub(super) struct Destination(Arc<Mutex<Whereabouts>>);

fn lock(whereabouts: &Mutex<Whereabouts>) -> MutexGuard<'_, Whereabouts> {
    whereabouts.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for Handover {
    /// What is about to be handed over.
    fn default() -> Self {
        Handover(Arc::default())
    }
}

impl Handover {
    pub(super) fn destination(&self) -> Destination {
        Destination(Arc::clone(&self.0))
    }

    /// It goes on behind a joint.
    pub(crate) fn went_onward(&self) {
        *lock(&self.0) = Whereabouts::Onward;
    }

    /// These have it.
    pub(crate) fn went_to(&self, names: Vec<String>) {
        *lock(&self.0) = Whereabouts::To(names.into());
    }
}

impl Drop for Handover {
    fn drop(&mut self) {
        let mut whereabouts = lock(&self.0);
        if *whereabouts == Whereabouts::UnderWay {
            *whereabouts = Whereabouts::NotTaken;
        }
    }
}

impl Destination {
    pub(super) fn now(&self) -> Whereabouts {
        lock(&self.0).clone()
    }
}
