//! What is released says how it was sampled.

use spanmill_sdk::{Batch, Holder, Outcome, PluginError};

use crate::learn::ids;
use crate::sampler::AdaptiveTailSampling;

impl Holder for AdaptiveTailSampling {
    fn sees_released(&self) -> bool {
        true
    }

    fn released(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        self.marks.begin();
        let mut last = None;
        for (row, id) in ids(self, batch).enumerate() {
            let by = match last.take() {
                Some((last, by)) if last == id => by,
                _ => self.sampled.get(id),
            };
            // One that has been forgotten meanwhile goes on as it is.
            if let Some(by) = &by {
                self.marks.mark(row, by, batch, outcome);
            }
            last = Some((id, by));
        }
        Ok(())
    }
}
