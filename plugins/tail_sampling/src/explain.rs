//! What operators are told of decisions.

use spanmill_sdk::{AppliedRules, Reasons};

use crate::sampler::TailSampling;

impl Reasons for TailSampling {
    fn explain(&mut self, on: bool) {
        self.given.rules.explain(on);
    }

    fn why(&mut self) -> AppliedRules {
        self.given.rules.take()
    }
}
