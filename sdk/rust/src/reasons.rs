//! The trait of a processor that says by which of its rules it answered.

use crate::{ABSENT, Processor};

/// What a processor may tell operators who ask a host what became of a trace: the rule that each row, or each trace decided
/// on, was met by. Register the plugin with `register_processor!(MyPlugin, reasons)`; the trait alone exports nothing.
pub trait Reasons: Processor {
    /// Whether [`Reasons::why`] is going to be called: told once, after `configure`. A plugin that is not told keeps none.
    fn explain(&mut self, on: bool);

    /// The rules by which the last `process` or tick answered: one for each span, log record or data point of the batch, or
    /// one for each trace decided on, in the order of the decisions.
    fn why(&mut self) -> AppliedRules;
}

/// By which rules a plugin answered. Rules are the settings' own words; nothing of telemetry may stand in them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppliedRules {
    #[doc(hidden)]
    pub rules: Vec<String>,
    #[doc(hidden)]
    pub of_each: Vec<u32>,
}

/// How many rules the contract takes.
const MOST: usize = 4096;

impl AppliedRules {
    /// None for any of so many rows.
    pub fn of_rows(rows: usize) -> Self {
        AppliedRules {
            rules: Vec::new(),
            of_each: vec![ABSENT; rows],
        }
    }

    /// The number of a rule, which is made if it is new; [`ABSENT`] if there are too many.
    pub fn rule(&mut self, rule: &str) -> u32 {
        let known = self.rules.iter().position(|known| known == rule);
        let number = known.unwrap_or(self.rules.len());
        if number >= MOST {
            return ABSENT;
        }
        if known.is_none() {
            self.rules.push(rule.to_owned());
        }
        number as u32
    }

    /// Notes the rule of a row, by its number.
    pub fn set(&mut self, row: usize, rule: u32) {
        if let Some(of) = self.of_each.get_mut(row) {
            *of = rule;
        }
    }

    /// The rule of a row or trace.
    pub fn of(&self, number: usize) -> Option<&str> {
        let rule = *self.of_each.get(number)?;
        self.rules.get(rule as usize).map(String::as_str)
    }
}

/// The rules by which a plugin answers next, as long as somebody wants to know; else every call does nothing.
#[derive(Clone, Debug, Default)]
pub struct KeptRules(Option<AppliedRules>);

impl KeptRules {
    /// What [`Reasons::explain`] says.
    pub fn explain(&mut self, on: bool) {
        self.0 = on.then(AppliedRules::default);
    }

    /// Whether anybody wants to know.
    pub fn are_wanted(&self) -> bool {
        self.0.is_some()
    }

    /// A batch of so many items begins, or a tick, at first about no trace.
    pub fn begin(&mut self, items: usize) {
        if let Some(applied) = &mut self.0 {
            *applied = AppliedRules::of_rows(items);
        }
    }

    /// The rule of an item.
    pub fn item(&mut self, row: usize, rule: &str) {
        if let Some(applied) = &mut self.0 {
            let number = applied.rule(rule);
            applied.set(row, number);
        }
    }

    /// The rule of the next trace decided on.
    pub fn trace(&mut self, rule: &str) {
        if let Some(applied) = &mut self.0 {
            let number = applied.rule(rule);
            applied.of_each.push(number);
        }
    }

    /// What is kept, to be added to.
    pub fn get_mut(&mut self) -> Option<&mut AppliedRules> {
        self.0.as_mut()
    }

    /// What [`Reasons::why`] answers.
    pub fn take(&mut self) -> AppliedRules {
        self.0.as_mut().map(std::mem::take).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_kept_once_and_only_if_they_are_wanted() {
        let mut kept = KeptRules::default();
        kept.begin(1);
        kept.item(0, "a");
        kept.trace("a");
        assert_eq!(kept.take(), AppliedRules::default());
        kept.explain(true);
        kept.begin(3);
        kept.item(2, "a");
        kept.item(1, "b");
        kept.item(0, "a");
        kept.item(7, "beyond the batch");
        let applied = kept.take();
        assert_eq!(applied.of_each, [0, 1, 0]);
        assert_eq!((applied.of(1), applied.of(3)), (Some("b"), None));
        kept.begin(0);
        kept.trace("b");
        kept.trace("b");
        let applied = kept.take();
        assert_eq!(
            (applied.rules, applied.of_each),
            (vec!["b".to_owned()], vec![0, 0])
        );
    }

    #[test]
    fn rules_beyond_what_the_contract_takes_are_none() {
        let mut applied = AppliedRules::default();
        let numbers: Vec<u32> = (0..4098).map(|at| applied.rule(&at.to_string())).collect();
        assert_eq!(numbers[4095..], [4095, ABSENT, ABSENT]);
        assert_eq!(applied.rule("17"), 17);
    }
}
