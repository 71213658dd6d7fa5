//! The test kit for processors that say by which of their rules they answered.

use super::Kit;
use crate::guest::{self, reasons_wit};
use crate::{Processor, Reasons};

impl<P: Processor + Reasons> Kit<P> {
    /// Has the plugin keep reasons, as a host does that wants to know.
    pub fn explain(&mut self) {
        guest::explain(Some(&mut self.plugin), true);
    }

    /// The rule of each item of the last batch, or of each trace that the last tick decided on, empty for none; to be asked
    /// right after either. Panics where the plugin breaks a rule of the contract.
    pub fn why(&mut self) -> Vec<String> {
        let reasons_wit::AppliedRules { rules, of_each } = guest::why(Some(&mut self.plugin));
        if of_each.is_empty() {
            return vec![String::new(); self.answered];
        }
        assert_eq!(of_each.len(), self.answered, "a rule for each row or trace");
        let rule = |number: &u32| match *number {
            crate::ABSENT => String::new(),
            number => rules[number as usize].clone(),
        };
        of_each.iter().map(rule).collect()
    }
}
