//! By which rule and sampler a trace was sampled or not, for whoever asks what became of it.

use spanmill_sdk::{AppliedRules, Reasons};

use crate::sampler::AdaptiveTailSampling;
use crate::traces::{EVICTION_RULE, GONE_RULE, OVERLOAD_RULE, SampledBy};

/// What decides where no rule does.
const NO_RULE: &str = "no rule took it";
const EVICTION: &str = "eviction.sampling_percentage";
const OVERLOAD: &str = "overload.sampling_percentage";
const EARLIER_DROPPED: &str = "an earlier decision, dropped";

impl AdaptiveTailSampling {
    /// The reason for the decision on the next trace.
    pub(crate) fn explain_trace(&mut self, rule: Option<u16>) {
        if self.kept_rules.are_wanted() {
            let rule = rule.map_or_else(|| NO_RULE.to_owned(), |rule| self.told(rule));
            self.kept_rules.trace(&rule);
        }
    }

    /// The reason why a span follows what was decided on its trace: what sampled it; `None`: it was dropped.
    pub(crate) fn explain_late(&mut self, row: usize, by: Option<&SampledBy>) {
        if self.kept_rules.are_wanted() {
            let rule = match by {
                Some(by) => format!("an earlier decision: {}", self.told(by.rule)),
                None => EARLIER_DROPPED.to_owned(),
            };
            self.kept_rules.item(row, &rule);
        }
    }

    /// That there was little room when a span's trace began.
    pub(crate) fn explain_overload(&mut self, row: usize) {
        self.kept_rules.item(row, OVERLOAD);
    }

    fn told(&self, rule: u16) -> String {
        match rule {
            EVICTION_RULE => EVICTION.to_owned(),
            OVERLOAD_RULE => OVERLOAD.to_owned(),
            GONE_RULE => "a rule that there is no more".to_owned(),
            number => match self.rules.list.get(usize::from(number)) {
                Some(rule) => format!("rule {}, {}", rule.name, rule.kind),
                None => "a rule that there is no more".to_owned(),
            },
        }
    }
}

impl Reasons for AdaptiveTailSampling {
    fn explain(&mut self, on: bool) {
        self.kept_rules.explain(on);
    }

    fn why(&mut self) -> AppliedRules {
        self.kept_rules.take()
    }
}
