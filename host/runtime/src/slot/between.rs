//! What is asked of a plugin between two batches, beside its state: about rows that it holds, and about its reasons.

use spanmill_otlp::{BatchView, Outcome};

use super::Slot;
use crate::abi::v0_1::answer::{AppliedRules, Decisions};
use crate::error::Fault;
use crate::role::Role;

impl Slot {
    /// Asks the plugin to decide on what it holds, between two batches. A fault ends the instance, as in
    /// [`Slot::process`]; the one that follows has not seen what is held ([`Slot::take_lost_state`]).
    ///
    /// # Errors
    ///
    /// The plugin's fault, decisions that break the contract included.
    pub fn tick(&mut self, now_unix_nano: u64, ending: bool) -> Result<Decisions, Fault> {
        let decided = self
            .instance()
            .and_then(|instance| instance.tick(now_unix_nano, ending));
        self.settled(decided)
    }

    /// Shows the plugin rows that it holds, between two batches.
    ///
    /// # Errors
    ///
    /// As for [`Slot::tick`].
    pub fn review(&mut self, view: &BatchView<'_>) -> Result<(), Fault> {
        let shown = self.instance().and_then(|instance| instance.review(view));
        self.settled(shown)
    }

    /// Whether the plugin wants to see rows once more when they are released.
    pub fn sees_released(&self) -> bool {
        self.sees_released
    }

    /// Shows the plugin rows that were released, between two batches.
    ///
    /// # Errors
    ///
    /// As for [`Slot::tick`]; also an outcome that drops or holds rows, for which they are too late.
    pub fn released(&mut self, view: &BatchView<'_>) -> Result<Outcome, Fault> {
        let answered = self.instance().and_then(|instance| instance.released(view));
        let answered = answered.and_then(|outcome| {
            let mut verdicts = outcome.verdicts.iter().flat_map(|verdicts| &verdicts.rows);
            match verdicts.any(|verdict| *verdict != 0) {
                true => Err(Fault::Decisions(
                    "verdicts: rows that were released are neither dropped nor held".to_owned(),
                )),
                false => Ok(outcome),
            }
        });
        self.settled(answered)
    }

    /// Whether the plugin has no room for more traces.
    ///
    /// # Errors
    ///
    /// As for [`Slot::tick`].
    pub fn is_full(&mut self) -> Result<bool, Fault> {
        let answered = self.instance().and_then(|instance| instance.is_full());
        self.settled(answered)
    }

    /// By which rules the plugin answered the last [`Slot::process`] or [`Slot::tick`], which was about `count` rows or
    /// traces. `None` if it does not say, or need not: see [`Slot::explaining`].
    ///
    /// # Errors
    ///
    /// As for [`Slot::tick`].
    pub fn why(&mut self, count: usize) -> Result<Option<AppliedRules>, Fault> {
        if !self.explains || !self.plugin.has_reasons() || self.role != Role::Processor {
            return Ok(None);
        }
        let answered = match &mut self.instance {
            Some(instance) => instance.why(count),
            None => Ok(None),
        };
        self.settled(answered)
    }
}
