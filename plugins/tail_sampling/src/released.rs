//! What becomes of traces once they are decided on, and whether there is room for more.

use spanmill_sdk::{Batch, Holder, Outcome, PluginError};
use spanmill_traces::Phase;

use crate::sampler::TailSampling;
use crate::traces::SampledBy;

impl Holder for TailSampling {
    fn sees_released(&self) -> bool {
        self.marks.are_made()
    }

    fn released(&mut self, batch: &Batch<'_>, outcome: &mut Outcome) -> Result<(), PluginError> {
        self.marks.begin();
        for (row, id) in self.ids(batch).enumerate() {
            let of_trace = |slot| {
                let trace = self.traces.trace(slot);
                (trace.phase == Phase::Sampled).then_some(SampledBy {
                    policies: (trace.policy, trace.sub_policy),
                    threshold: trace.threshold,
                })
            };
            let by = match self.traces.find(id) {
                Some(slot) => of_trace(slot),
                None => self.sampled.get(id),
            };
            // One that has been forgotten meanwhile goes on as it is.
            if let Some(by) = by {
                self.marks.mark(row, by, false, batch, outcome);
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        let most = self.limits.traces;
        let is_full = self.traces.waiting() >= most || self.traces.len() >= most.saturating_mul(2);
        self.limits.block && is_full
    }
}
