//! The trait of a processor that holds rows and has more to say about them.

use crate::{Batch, Outcome, PluginError, Ticker};

/// What a plugin that holds rows may do besides deciding on them: see them once more when they are released, and say that it
/// has no room. Register the plugin with `register_processor!(MyPlugin, ticker, holder)`; the trait alone exports nothing.
pub trait Holder: Ticker {
    /// Whether [`Holder::released`] is to be called, under the settings: asked once, after `configure`.
    fn sees_released(&self) -> bool {
        false
    }

    /// Shows rows that were released, before they go on to the next stage, to be edited. They can be neither dropped nor
    /// held any more. On an error they go on as they were held.
    ///
    /// # Errors
    ///
    /// Why the batch, or the plugin, is of no use.
    fn released(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        let _ = (batch, outcome);
        Ok(())
    }

    /// Whether there is no room for more traces: asked after each tick. Until it says otherwise, batches are refused.
    fn is_full(&self) -> bool {
        false
    }
}
