//! How far the parts of a batch have come, over several attempts.

use std::collections::BTreeMap;

use crate::export::{ExportError, ExportResponse, Payload};

/// The parts of a batch that was cut.
#[derive(Debug, Default)]
pub struct Parts {
    /// Those that have not been taken or refused for good, by number.
    open: BTreeMap<usize, Payload>,
    /// The number of the next part; 0: the batch has not been cut.
    next: usize,
    /// How those that are done went.
    accepted: ExportResponse,
    was_taken: bool,
    /// Whether a sender waits who still has the batch.
    pub(super) has_sender: bool,
    refused: Option<ExportError>,
    /// Why the last attempt left some open.
    failed: Option<ExportError>,
}

impl Parts {
    /// What is still to be sent: at first the batch.
    pub fn open(&self, batch: &Payload) -> Vec<Payload> {
        match self.next {
            0 => vec![batch.clone()],
            _ => self.open.values().cloned().collect(),
        }
    }

    /// Takes note of how what was open has been cut now; returns the number of each part.
    pub fn cut(&mut self, parts: &[Payload]) -> Vec<usize> {
        self.open.clear();
        self.failed = None;
        parts
            .iter()
            .map(|part| {
                let number = self.next;
                self.open.insert(number, part.clone());
                self.next += 1;
                number
            })
            .collect()
    }

    /// Notes how a part went.
    pub fn note(&mut self, number: usize, result: Result<ExportResponse, ExportError>) {
        let (rejected, remark) = match result {
            Err(error @ ExportError::Retryable { .. }) => {
                self.failed.get_or_insert(error);
                return;
            }
            Ok(accepted) => {
                self.was_taken = true;
                self.open.remove(&number);
                self.accepted.is_handed_on |= accepted.is_handed_on;
                (accepted.rejected, accepted.remark)
            }
            Err(error) => {
                let items = self.open.remove(&number).map_or(0, |part| part.items);
                let remark = error.to_string();
                self.refused.get_or_insert(error);
                (items, Some(remark))
            }
        };
        self.accepted.rejected = self.accepted.rejected.saturating_add(rejected);
        if self.accepted.remark.is_none() {
            self.accepted.remark = remark;
        }
    }

    /// How the batch went so far.
    ///
    /// # Errors
    ///
    /// If parts are open, or if no part was taken.
    pub fn result(&mut self) -> Result<ExportResponse, ExportError> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if !self.open.is_empty() {
            return Err(ExportError::retryable("a part of the batch was not sent"));
        }
        match self.refused.take() {
            Some(error) if !self.was_taken => Err(error),
            _ => Ok(std::mem::take(&mut self.accepted)),
        }
    }

    /// How the batch went, if no further attempt is made after `error`: as taken in part, if a part was taken.
    ///
    /// # Errors
    ///
    /// `error`, if nothing was taken, or if a sender waits who still has the batch: it is to send that again, and what was taken
    /// comes twice.
    pub fn give_up(&mut self, error: ExportError) -> Result<ExportResponse, ExportError> {
        if !self.was_taken || self.has_sender {
            return Err(error);
        }
        let left = self.open.values().map(|part| part.items);
        let left = left.fold(0, u64::saturating_add);
        self.open.clear();
        let mut accepted = std::mem::take(&mut self.accepted);
        accepted.given_up = left;
        Ok(accepted)
    }
}
