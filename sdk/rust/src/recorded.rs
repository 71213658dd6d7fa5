//! What a plugin has said natively, for the test kit.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::level::Level;

/// What a plugin said besides its outcome.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) logs: Vec<(Level, String)>,
    pub(crate) counts: BTreeMap<String, u64>,
}

thread_local! {
    pub(crate) static RECORDER: RefCell<Recorder> = RefCell::default();
}

pub(crate) fn record_log(level: Level, message: &str) {
    RECORDER.with_borrow_mut(|recorder| recorder.logs.push((level, message.to_owned())));
}

pub(crate) fn record_count(name: &str, delta: u64) {
    RECORDER
        .with_borrow_mut(|recorder| *recorder.counts.entry(name.to_owned()).or_default() += delta);
}
