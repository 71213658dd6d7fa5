//! The trait of a processor that holds rows and decides on them later.

use crate::{Batch, PluginError};

/// Decides on held rows: those that [`Outcome::hold_row`](crate::Outcome::hold_row) keeps in the host.
///
/// Register the plugin with `register_processor!(MyPlugin, ticker)`; the trait alone exports nothing. The plugin shards by
/// trace or whole, and its rows have trace ids. It keeps what it needs to know of a trace, small, and mostly hands that on
/// with [`State`](crate::State). A new instance without the state, after a fault, is shown everything that is held by
/// [`Ticker::review`].
pub trait Ticker {
    /// Called once a second, and after each batch from which rows were held. `ending` says that this is the last call:
    /// what is then not decided on is released.
    ///
    /// # Errors
    ///
    /// Why the plugin is of no use; nothing is decided then.
    fn tick(
        &mut self,
        now_unix_nano: u64,
        ending: bool,
        decisions: &mut Decisions,
    ) -> Result<(), PluginError>;

    /// Shows rows that are held again: of traces that [`Decisions::review`] asked for, and all of them after a fault.
    ///
    /// # Errors
    ///
    /// Why the batch, or the plugin, is of no use.
    fn review(&mut self, batch: &Batch<'_>) -> Result<(), PluginError>;
}

/// What becomes of traces of which rows are held. Those not named stay held. Name each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    #[doc(hidden)]
    pub traces: Vec<u64>,
    #[doc(hidden)]
    pub are_dropped: Vec<bool>,
    #[doc(hidden)]
    pub review: Vec<u64>,
}

impl Decisions {
    /// The rows held of a trace go on to the next stage.
    pub fn release(&mut self, trace_id: u128) {
        self.decide(trace_id, false);
    }

    /// The rows held of a trace are dropped.
    pub fn drop_trace(&mut self, trace_id: u128) {
        self.decide(trace_id, true);
    }

    fn decide(&mut self, trace_id: u128, is_dropped: bool) {
        self.traces.extend(words(trace_id));
        self.are_dropped.push(is_dropped);
    }

    /// The rows held of a trace are shown again, by [`Ticker::review`].
    pub fn review(&mut self, trace_id: u128) {
        self.review.extend(words(trace_id));
    }
}

fn words(trace_id: u128) -> [u64; 2] {
    [(trace_id >> 64) as u64, trace_id as u64]
}
