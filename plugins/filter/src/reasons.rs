//! Which condition dropped what, for whoever asks what became of it.

use spanmill_ottl::Conditions;
use spanmill_sdk::{ABSENT, AppliedRules, Batch, Context};

/// Conditions on one context, with their texts.
#[derive(Debug)]
pub(crate) struct Checks {
    pub conditions: Conditions,
    /// Each as it stands in the settings, behind its place: `traces.span[0]: name == "health"`.
    pub rules: Vec<String>,
}

/// A condition as it is told: `path` is its JSON pointer.
pub(crate) fn rule(path: &str, text: &str) -> String {
    let mut place = String::new();
    for part in path.split('/').skip(1) {
        match part.bytes().all(|byte| byte.is_ascii_digit()) {
            true => place.push_str(&format!("[{part}]")),
            false if place.is_empty() => place.push_str(part),
            false => place.push_str(&format!(".{part}")),
        }
    }
    format!("{place}: {text}")
}

/// Notes by which condition items were dropped that have no reason yet.
pub(crate) fn note(
    applied: &mut AppliedRules,
    checks: &Checks,
    batch: &Batch<'_>,
    item: Context,
    dropped: &[u8],
) {
    let context = checks.conditions.context();
    // Numbers of the rules that have one by now.
    let mut numbers = vec![ABSENT; checks.rules.len()];
    for (row, _) in dropped.iter().enumerate().filter(|(_, of)| **of != 0) {
        if applied.of(row).is_some() {
            continue;
        }
        // Upwards to what the condition is about.
        let (mut at, mut of) = (item, row);
        while at != context {
            let Some(above) = at.parent() else {
                return;
            };
            of = batch
                .parents(at)
                .get(of)
                .map_or(usize::MAX, |of| *of as usize);
            at = above;
        }
        let Some(condition) = checks.conditions.first_in(of) else {
            continue;
        };
        if let (Some(number), Some(rule)) =
            (numbers.get_mut(condition), checks.rules.get(condition))
        {
            if *number == ABSENT {
                *number = applied.rule(rule);
            }
            applied.set(row, *number);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_condition_is_told_by_its_place_and_text() {
        for (path, expected) in [
            ("/traces/span/0", "traces.span[0]: true"),
            (
                "/trace_conditions/2/conditions/1",
                "trace_conditions[2].conditions[1]: true",
            ),
        ] {
            assert_eq!(super::rule(path, "true"), expected);
        }
    }
}
