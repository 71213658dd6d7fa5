//! Rows put under other resources, once an outcome is applied.

use super::Workspace;
use crate::answer_texts::MAX_WRITTEN;
use crate::outcome::OutcomeError;
use crate::regroup::regroup;
use crate::request::Request;

impl Workspace {
    /// Puts the rows that are left where the groups of the last outcome have them go, and rows of equal resources and scopes
    /// together. Stages behind are shown the result, whose rows have other numbers: returns for each span, log record or data
    /// point the number that it had; `None` if everything is where it was. What was held is still there to be taken.
    ///
    /// # Errors
    ///
    /// Edits that have made the batch too large to be put together anew.
    pub fn regroup(&mut self) -> Result<Option<Vec<u32>>, OutcomeError> {
        let Some(moves) = self.moves.take() else {
            return Ok(None);
        };
        let too_large = OutcomeError::Edits {
            limit_mib: MAX_WRITTEN >> 20,
        };
        let (Some(loaded), left) = (self.request.clone(), self.item_rows()) else {
            return Ok(None);
        };
        if left.is_empty() {
            return Ok(None);
        }
        let request = match (self.is_untouched(), self.copy()) {
            (false, Some(copy)) => Request::parse(loaded.signal(), copy.bytes),
            _ => Ok(loaded.clone()),
        };
        let request = request.map_err(|_| too_large.clone())?;
        let groups: Vec<u32> = left.iter().map(|row| moves.group_of(*row)).collect();
        let Some(regrouped) = regroup(&request, &moves, &groups) else {
            return Ok(None);
        };
        let written = (regrouped.bytes.len() as u64).saturating_sub(request.bytes.len() as u64);
        let written = written.saturating_add(self.patches.arena.len() as u64);
        let grown = self.grown.saturating_add(written);
        if grown > MAX_WRITTEN {
            return Err(too_large);
        }
        let rows = regrouped.order.iter();
        let rows = rows.map(|item| left.get(*item as usize).copied().unwrap_or(0));
        let rows = rows.collect();
        let put = Request::parse(loaded.signal(), regrouped.bytes);
        let put = put.map_err(|_| too_large.clone())?;
        self.held_before = self.held();
        let came = self.came.unwrap_or(loaded.bytes.len());
        let sender = self.sender();
        self.extract(put).map_err(|_| too_large)?;
        self.put_sender(&sender);
        self.grown = grown;
        self.came = Some(came);
        Ok(Some(rows))
    }
}
