//! Calls of what processors may export besides: `holder`, `reasons` and `grouper`.

use spanmill_otlp::{BatchView, Outcome};

use super::{Answer, Calls, Instance};
use crate::abi::v0_1::{self as abi, answer};
use crate::error::Fault;

impl Instance {
    /// Whether it wants to put rows under other resources.
    pub(super) fn asks_to_group(&mut self) -> Result<bool, Fault> {
        let (Some(guest), Calls::Processor(_)) = (&self.grouper, &self.calls) else {
            return Ok(false);
        };
        let answered = guest.call_groups_rows(&mut self.store);
        answered.map_err(|error| self.fault(&error))
    }

    /// An outcome with where its rows go, if it is asked that: within the deadline of the call that gave it.
    pub(super) fn with_groups(&mut self, mut outcome: Outcome) -> Result<Answer, Fault> {
        if let Some(guest) = self.grouper.as_ref().filter(|_| self.groups_rows) {
            match guest.call_group(&mut self.store) {
                Ok(groups) => outcome.groups = Some(Box::new(abi::groups(groups))),
                Err(error) => return Err(self.fault(&error)),
            }
        }
        Ok(Answer::Outcome(outcome))
    }

    /// Whether it wants to see rows once more when they are released.
    pub(crate) fn sees_released(&mut self) -> Result<bool, Fault> {
        self.begin();
        let Some(guest) = &self.holder else {
            return Ok(false);
        };
        let answered = guest.call_sees_released(&mut self.store);
        answered.map_err(|error| self.fault(&error))
    }

    /// Shows rows that were released.
    pub(crate) fn released(&mut self, view: &BatchView<'_>) -> Result<Outcome, Fault> {
        self.begin();
        let store = &mut self.store;
        let Some(guest) = &self.holder else {
            return Ok(Outcome::default());
        };
        let answered = match abi::lower(view, |batch| guest.call_released(store, batch)) {
            Ok(Ok(outcome)) => return abi::outcome(outcome),
            Ok(Err(error)) => Ok(error),
            Err(error) => Err(error),
        };
        Err(self.failure(answered))
    }

    /// Whether it has no room for more traces.
    pub(crate) fn is_full(&mut self) -> Result<bool, Fault> {
        self.begin();
        let Some(guest) = &self.holder else {
            return Ok(false);
        };
        let answered = guest.call_is_full(&mut self.store);
        answered.map_err(|error| self.fault(&error))
    }

    /// Tells it whether it will be asked for reasons.
    pub(crate) fn explain(&mut self, on: bool) -> Result<(), Fault> {
        self.begin();
        let Some(guest) = &self.reasons else {
            return Ok(());
        };
        let answered = guest.call_explain(&mut self.store, on);
        answered.map_err(|error| self.fault(&error))
    }

    /// By which rules it answered the last call about `count` rows or traces; `None` if it does not say.
    pub(crate) fn why(&mut self, count: usize) -> Result<Option<answer::AppliedRules>, Fault> {
        self.begin();
        let Some(guest) = &self.reasons else {
            return Ok(None);
        };
        match guest.call_why(&mut self.store) {
            Ok(rules) => abi::applied_rules(rules, count)
                .map(Some)
                .map_err(Fault::Reasons),
            Err(error) => Err(self.fault(&error)),
        }
    }
}
