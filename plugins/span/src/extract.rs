//! Attributes taken out of names.

use spanmill_pattern::{Regex, compile};
use spanmill_sdk::{ABSENT, Batch, Context, Contract, Outcome, Problems, WriteField};

use crate::settings::ToAttributes;

/// `to_attributes`: what the groups of patterns match becomes attributes, and a placeholder in the name.
#[derive(Debug)]
pub(crate) struct Extract {
    rules: Vec<Rule>,
    break_after_match: bool,
    keep_original_name: bool,
    /// By text: 0 not looked at, else 1 + the place in `found`.
    memo: Vec<u32>,
    found: Vec<Found>,
    values: Vec<(WriteField, u32)>,
}

#[derive(Debug)]
struct Rule {
    regex: Regex,
    /// For each group its name and the attribute of that name.
    groups: Vec<(String, WriteField)>,
}

/// What a name becomes.
#[derive(Debug, Clone, Copy)]
struct Found {
    name: u32,
    /// Which of the values are its attributes.
    from: u32,
    to: u32,
}

impl Extract {
    pub(crate) fn new(
        settings: &ToAttributes,
        contract: &mut Contract,
        problems: &mut Problems,
    ) -> Self {
        let mut rules = Vec::new();
        for (place, pattern) in settings.rules.iter().flatten().enumerate() {
            match compile(pattern) {
                Ok(regex) => {
                    let names = regex.capture_names().skip(1);
                    // A group without a name has the empty one, as in the Collector.
                    let groups = names.map(|name| {
                        let name = name.unwrap_or_default();
                        let write = contract.write_attribute(Context::Span, name);
                        (name.to_owned(), write)
                    });
                    let groups = groups.collect();
                    rules.push(Rule { regex, groups });
                }
                Err(error) => problems.push(
                    format!("/name/to_attributes/rules/{place}"),
                    error.to_string(),
                ),
            }
        }
        Extract {
            rules,
            break_after_match: settings.break_after_match,
            keep_original_name: settings.keep_original_name,
            memo: Vec::new(),
            found: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Whether names change as well.
    pub(crate) fn renames(&self) -> bool {
        !self.keep_original_name
    }

    pub(crate) fn start(&mut self) {
        self.memo.clear();
        self.found.clear();
        self.values.clear();
    }

    /// What becomes of a name: another name, and attributes.
    pub(crate) fn of(
        &mut self,
        batch: &Batch<'_>,
        outcome: &mut Outcome,
        name: u32,
    ) -> (u32, &[(WriteField, u32)]) {
        if name == ABSENT {
            return (name, &[]);
        }
        let place = name as usize;
        if self.memo.len() <= place {
            let texts = batch.texts.len().max(place + 1);
            self.memo.resize(texts, 0);
        }
        if self.memo[place] == 0 {
            let found = self.find(batch, outcome, name);
            self.found.push(found);
            self.memo[place] = self.found.len() as u32;
        }
        let found = self.found[self.memo[place] as usize - 1];
        (
            found.name,
            &self.values[found.from as usize..found.to as usize],
        )
    }

    fn find(&mut self, batch: &Batch<'_>, outcome: &mut Outcome, name: u32) -> Found {
        let from = self.values.len();
        let mut found = Found {
            name,
            from: from as u32,
            to: from as u32,
        };
        let bytes = outcome
            .added(name)
            .unwrap_or_else(|| batch.texts.bytes(name));
        let mut text = String::from_utf8_lossy(bytes).into_owned();
        // There is nothing to take out, not even by a pattern that matches it.
        if text.is_empty() {
            return found;
        }
        let mut is_new = false;
        for rule in &self.rules {
            let Some(captures) = rule.regex.captures(&text) else {
                continue;
            };
            let mut renamed = String::with_capacity(text.len());
            let mut end = 0;
            for (number, (key, write)) in rule.groups.iter().enumerate() {
                // A group that took no part has no value; one inside another stands in the other's place.
                let Some(group) = captures.get(number + 1) else {
                    continue;
                };
                let value = outcome.text(group.as_str());
                let mut known = self.values[from..].iter_mut();
                match known.find(|(known, _)| known == write) {
                    Some((_, known)) => *known = value,
                    None => self.values.push((*write, value)),
                }
                if group.start() >= end {
                    renamed.push_str(&text[end..group.start()]);
                    renamed.push('{');
                    renamed.push_str(key);
                    renamed.push('}');
                    end = group.end();
                }
            }
            if !self.keep_original_name {
                renamed.push_str(&text[end..]);
                is_new |= renamed != text;
                text = renamed;
            }
            if self.break_after_match {
                break;
            }
        }
        if is_new {
            found.name = outcome.text(&text);
        }
        found.to = self.values.len() as u32;
        found
    }
}
