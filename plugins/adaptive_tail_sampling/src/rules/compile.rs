//! One rule after the other: every mistake is told, with its place.

use std::collections::HashSet;

use spanmill_sdk::{Contract, Level, Problems, closest};

use super::rule::{Rule, Rules};
use super::sampler::sampler;
use crate::condition::Asked;
use crate::settings::RuleSettings;

/// Compiles the rules, and declares the columns that their conditions read.
pub(crate) fn compile(
    settings: &[RuleSettings],
    contract: &mut Contract,
    problems: &mut Problems,
) -> Rules {
    let mut rules = Rules::default();
    let mut names = HashSet::new();
    for (at, rule) in settings.iter().enumerate() {
        let path = format!("/rules/{at}");
        let name = rule.name.as_str();
        if name.is_empty() {
            problems.push(format!("{path}/name"), "a rule needs a name");
        } else if name.starts_with('_') {
            let message = "must not begin with _, as do the names of what is no rule: _eviction";
            problems.push(format!("{path}/name"), message);
        } else if !names.insert(name) {
            let message = format!("{name:?} is the name of an earlier rule");
            problems.push(format!("{path}/name"), message);
        }
        let bits = conditions(rule, &path, &mut rules, contract, problems);
        let sampler = sampler(&rule.sampler, &path, &mut rules.selectors, problems);
        rules.list.push(Rule {
            name: name.to_owned(),
            kind: rule.sampler.kind.clone(),
            bits,
            sampler,
        });
    }
    if let Some(message) = unreachable_rules(settings) {
        spanmill_sdk::log(Level::Warn, &message);
    }
    rules
}

/// Compiles the conditions of a rule, and returns their bits.
fn conditions(
    rule: &RuleSettings,
    path: &str,
    rules: &mut Rules,
    contract: &mut Contract,
    problems: &mut Problems,
) -> Vec<usize> {
    let kinds = ["any_span", "same_span"];
    let matching = rule.matching.as_str();
    if !matching.is_empty() && !kinds.contains(&matching) {
        let meant = closest(matching, kinds)
            .map(|meant| format!("; did you mean `{meant}`?"))
            .unwrap_or_default();
        let message = format!("must be any_span or same_span{meant}");
        problems.push(format!("{path}/match"), message);
    } else if !matching.is_empty() && rule.conditions.is_empty() {
        let message = "is of no use without conditions; remove it, or add some";
        problems.push(format!("{path}/match"), message);
    }
    let places = rule.conditions.iter().enumerate();
    let mut places = places
        .map(|(at, text)| (text.as_str(), format!("{path}/conditions/{at}")))
        .peekable();
    let mut bits = Vec::new();
    if matching == "same_span" && places.peek().is_some() {
        bits.push(bit(rules, Asked::compile(places, contract, problems)));
    } else {
        for place in places {
            bits.push(bit(rules, Asked::compile([place], contract, problems)));
        }
    }
    bits
}

/// The bit of what is asked; what asks the same shares it.
fn bit(rules: &mut Rules, asked: Asked) -> usize {
    let known = rules
        .asked
        .iter()
        .position(|known| known.text == asked.text);
    known.unwrap_or_else(|| {
        rules.asked.push(asked);
        rules.asked.len() - 1
    })
}

/// What there is to say of rules behind one that takes every trace.
fn unreachable_rules(settings: &[RuleSettings]) -> Option<String> {
    let at = settings
        .iter()
        .position(|rule| rule.conditions.is_empty())?;
    let behind = settings.len() - at - 1;
    (behind > 0).then(|| {
        format!(
            "the rule {:?} has no conditions, so it takes every trace, and the {behind} behind it take none; move it to the end of `rules`",
            settings[at].name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_take_nothing_are_found() {
        let rule = |name: &str, conditions: &[&str]| RuleSettings {
            name: name.to_owned(),
            conditions: conditions.iter().map(|text| text.to_string()).collect(),
            ..RuleSettings::default()
        };
        let last = [rule("a", &["true"]), rule("b", &[])];
        assert_eq!(unreachable_rules(&last), None);
        let first = [rule("b", &[]), rule("a", &["true"])];
        let message = unreachable_rules(&first).unwrap();
        assert!(
            message.contains("\"b\"") && message.contains("the 1 behind"),
            "{message}"
        );
    }
}
