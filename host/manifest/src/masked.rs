//! A manifest's texts as they may be shown: what looks like a secret is `***`, and every line stays where it is.
//!
//! A value is a secret by its key (`token`, `api_key`, anything below `headers`), by its look (`Bearer ...`, a JSON Web Token,
//! a URL's credentials and query), or because it is the same as one that is. Comments are looked at as well. A variable's name
//! is shown, and never what it holds. A secret inside a plugin's statement is not recognised.

mod words;

use std::collections::BTreeSet;
use std::ops::Range;

use crate::diagnostics::Diagnostics;
use crate::source::{Source, SourceText};
use crate::tree::{Entry, Node, Value};
use crate::yaml;
use words::{Meaning, is_reference, is_secret, meaning, url_parts};

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Shorter texts are no secrets wherever else they stand.
const SHORTEST: usize = 6;

/// A text of a manifest as it may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedText {
    /// What diagnostics call it.
    pub name: String,
    /// The text; empty if it is not YAML.
    pub text: String,
}

impl Source {
    /// The texts with secrets masked.
    pub fn masked(&self) -> Vec<MaskedText> {
        let (secrets, trees) = self.secrets();
        let shown = |(part, tree): (&SourceText, &Option<Node>)| MaskedText {
            name: part.name().to_owned(),
            text: match tree {
                Some(tree) => cut(part.text(), secrets.cuts(part, tree)),
                None => String::new(),
            },
        };
        self.parts().zip(&trees).map(shown).collect()
    }

    /// Each text with a star for every byte of a secret, so that places in it stay what they are. In one that is not YAML, secrets are
    /// looked for line by line.
    pub(crate) fn starred(&self) -> Vec<String> {
        let (secrets, trees) = self.secrets();
        let starred = |(part, tree): (&SourceText, &Option<Node>)| {
            let text = part.text();
            match tree {
                Some(tree) => star(text, secrets.cuts(part, tree)),
                None => star(text, secrets_by_line(text)),
            }
        };
        self.parts().zip(&trees).map(starred).collect()
    }

    fn secrets(&self) -> (Secrets, Vec<Option<Node>>) {
        let mut secrets = Secrets::default();
        let trees: Vec<_> = self.parts().map(tree).collect();
        for tree in trees.iter().flatten() {
            secrets.look(tree, Meaning::Plain);
        }
        (secrets, trees)
    }
}

fn tree(part: &SourceText) -> Option<Node> {
    yaml::parse(part.text(), part.base(), &mut Diagnostics::scratch())
}

/// The values that are secrets.
#[derive(Default)]
struct Secrets(BTreeSet<String>);

impl Secrets {
    /// Notes the secrets of a tree.
    fn look(&mut self, node: &Node, of: Meaning) {
        match &node.value {
            Value::List(items) => items.iter().for_each(|item| self.look(item, of)),
            Value::Map(entries) => entries.iter().for_each(|entry| {
                self.look(&entry.value, below(entries, entry, of));
            }),
            Value::Null | Value::Bool(_) => {}
            _ if of == Meaning::Plain && !is_secret(&node.raw) => {}
            _ if is_reference(&node.raw) || node.raw.trim().is_empty() => {}
            _ => {
                self.0.insert(node.raw.clone());
            }
        }
    }

    /// Where secrets stand in a text.
    fn cuts(&self, part: &SourceText, tree: &Node) -> Vec<Range<usize>> {
        let text = part.text();
        let mut cuts = Vec::new();
        let mut scalars = Vec::new();
        self.places(tree, part, &mut cuts, &mut scalars);
        for comment in comments(text, scalars) {
            cuts.extend(secret_of_comment(text, comment));
        }
        for secret in self.0.iter().flat_map(|secret| secret.lines()) {
            cuts.extend(occurrences(text, secret.trim()));
        }
        cuts.extend(url_parts(text));
        cuts
    }

    /// The places of secrets, and of all scalars, keys included.
    fn places(
        &self,
        node: &Node,
        part: &SourceText,
        cuts: &mut Vec<Range<usize>>,
        scalars: &mut Vec<Range<usize>>,
    ) {
        match &node.value {
            Value::List(items) => {
                for item in items {
                    self.places(item, part, cuts, scalars);
                }
            }
            Value::Map(entries) => {
                for entry in entries {
                    scalars.push(part.range(entry.key_place));
                    self.places(&entry.value, part, cuts, scalars);
                }
            }
            _ => {
                let mut place = part.range(node.place);
                // A block of lines ends where the next thing starts.
                let written = part.text().get(place.clone()).unwrap_or_default();
                place.end = place.start + written.trim_end().len();
                if self.0.contains(&node.raw) {
                    cuts.push(place.clone());
                }
                scalars.push(place);
            }
        }
    }
}

/// What an entry's value means, in a mapping that is below something that means `of`.
fn below(entries: &[Entry], entry: &Entry, of: Meaning) -> Meaning {
    let is_name = |key: &str| key == "name" || key == "key";
    match (of, meaning(&entry.key)) {
        (Meaning::Secret, _) | (_, Meaning::Secret) => Meaning::Secret,
        // `{name: authorization, value: ...}`
        (Meaning::Values, _) if is_name(&entry.key) && entries.len() > 1 => Meaning::Plain,
        (Meaning::Values, _) | (_, Meaning::Values) => Meaning::Values,
        (Meaning::Plain, Meaning::Plain) => {
            let mut names = entries.iter().filter(|other| is_name(&other.key));
            let is_named = names.any(|other| meaning(&other.value.raw) == Meaning::Secret);
            match entry.key == "value" && is_named {
                true => Meaning::Secret,
                false => Meaning::Plain,
            }
        }
    }
}

/// The comments of a text: from a `#` that is in no scalar to the end of its line.
fn comments(text: &str, mut scalars: Vec<Range<usize>>) -> Vec<Range<usize>> {
    scalars.sort_unstable_by_key(|place| place.start);
    let mut found = Vec::new();
    let mut scalars = scalars.into_iter().peekable();
    let mut inside = 0;
    let mut before = ' ';
    let mut until = 0;
    for (at, char) in text.char_indices() {
        while let Some(place) = scalars.next_if(|place| place.start <= at) {
            inside = inside.max(place.end);
        }
        if at >= until && at >= inside && char == '#' && before.is_whitespace() {
            let line = text.get(at..).unwrap_or_default();
            until = at + line.find('\n').unwrap_or(line.len());
            found.push(at..until);
        }
        before = char;
    }
    found
}

/// What a comment says behind a key that is one of secrets, such as in a setting that is commented out.
fn secret_of_comment(text: &str, comment: Range<usize>) -> Option<Range<usize>> {
    let line = text.get(comment.clone())?;
    let mut from = 0;
    while let Some(colon) = line.get(from..)?.find([':', '=']) {
        let at = from + colon;
        let before = line.get(..at)?;
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let word = before
            .trim_end_matches(['"', '\'', ' '])
            .rsplit(|c| !is_word(c))
            .next()?;
        let value = line.get(at + 1..)?;
        if meaning(word) != Meaning::Plain && !value.trim().is_empty() {
            let start = comment.start + at + 1 + (value.len() - value.trim_start().len());
            return Some(start..comment.end);
        }
        from = at + 1;
    }
    let words = line.trim_start_matches(['#', ' ', '-']);
    is_secret(words).then(|| comment.end - words.len()..comment.end)
}

/// Where lines hold a secret behind a key, as if each were a comment.
fn secrets_by_line(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut found = url_parts(text);
    for line in text.split_inclusive('\n') {
        let end = start + line.trim_end().len();
        found.extend(secret_of_comment(text, start..end));
        start += line.len();
    }
    found
}

/// The text with stars in the place of ranges, as long as it was.
fn star(text: &str, cuts: Vec<Range<usize>>) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for range in cuts {
        let found = bytes.get_mut(range).into_iter().flatten();
        found
            .filter(|byte| **byte != b'\n')
            .for_each(|byte| *byte = b'*');
    }
    String::from_utf8(bytes).unwrap_or_default()
}

/// Where else a secret stands by itself.
fn occurrences(text: &str, secret: &str) -> Vec<Range<usize>> {
    if secret.len() < SHORTEST {
        return Vec::new();
    }
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let stands_alone = |at: &usize| {
        let before = text.get(..*at).and_then(|text| text.chars().next_back());
        let after = text
            .get(at + secret.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    };
    let found = text.match_indices(secret).map(|(at, _)| at);
    found
        .filter(stands_alone)
        .map(|at| at..at + secret.len())
        .collect()
}

/// The text with masks in the place of ranges. A range over several lines leaves as many.
fn cut(text: &str, mut cuts: Vec<Range<usize>>) -> String {
    cuts.sort_unstable_by_key(|range| (range.start, range.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for range in cuts {
        let start = range.start.max(at);
        let end = range.end.min(text.len());
        let (Some(before), Some(secret)) = (text.get(at..start), text.get(start..end)) else {
            continue;
        };
        out.push_str(before);
        // One that begins inside another is part of it.
        if range.start >= at {
            out.push_str(MASK);
        }
        out.extend(secret.chars().filter(|c| *c == '\n'));
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
