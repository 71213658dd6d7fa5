//! `${env:NAME}` inside scalars, by the Collector's rules: `${env:NAME:-default}`, `${NAME}` for short, `$$` for a
//! dollar. A scalar that is one reference and nothing else takes the type of what the variable holds.

use std::sync::Arc;

use super::diagnostics::{Diagnostic, Diagnostics, Place, Source};
use super::yaml::{self, Node, Value};

/// Where variables come from.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Replaces every reference in the tree.
pub(super) fn substitute(node: &mut Node, lookup: Lookup<'_>, out: &mut Diagnostics) {
    match &mut node.value {
        Value::List(items) => items
            .iter_mut()
            .for_each(|item| substitute(item, lookup, out)),
        Value::Map(entries) => entries
            .iter_mut()
            .for_each(|entry| substitute(&mut entry.value, lookup, out)),
        Value::Text(text) if text.contains('$') => {
            let text = std::mem::take(text);
            *node = expand(&text, node.plain, node.place, lookup, out);
        }
        _ => {}
    }
}

fn expand(
    text: &str,
    plain: bool,
    place: Place,
    lookup: Lookup<'_>,
    out: &mut Diagnostics,
) -> Node {
    let mut result = String::new();
    let mut references = 0;
    let mut rest = text;
    let mut whole = false;
    while let Some(at) = rest.find('$') {
        let (before, tail) = rest.split_at(at);
        result.push_str(before);
        if let Some(tail) = tail.strip_prefix("$$") {
            result.push('$');
            rest = tail;
        } else if let Some(inner) = tail.strip_prefix("${") {
            let Some((reference, tail)) = inner.split_once('}') else {
                out.push(
                    Diagnostic::error(place, "`${` without its `}`")
                        .help("write `$$` for a plain dollar sign"),
                );
                return yaml::scalar(place, text.to_owned(), false);
            };
            references += 1;
            whole = references == 1 && before.is_empty() && tail.is_empty() && result.is_empty();
            result.push_str(&resolve(reference, place, lookup, out));
            rest = tail;
        } else {
            result.push('$');
            rest = tail.strip_prefix('$').unwrap_or_default();
        }
    }
    result.push_str(rest);
    if whole && plain {
        return typed(result, place);
    }
    let mut node = yaml::scalar(place, result, false);
    node.from_env = references > 0;
    node
}

/// What a variable alone stands for: the Collector reads it as YAML.
fn typed(text: String, place: Place) -> Node {
    let mut scratch = Diagnostics::new(Arc::new(Source::new("", "")));
    let parsed = yaml::parse(&text, &mut scratch).filter(|_| scratch.is_empty());
    let mut node = match parsed {
        Some(node) if !matches!(node.value, Value::Text(_)) => node,
        None if text.trim().is_empty() => Node::null(place),
        // Not YAML, or a text: then it is the text as it is, comment signs and all.
        _ => yaml::scalar(place, text.clone(), false),
    };
    node.move_to(place);
    if !matches!(node.value, Value::List(_) | Value::Map(_)) {
        node.raw = text;
    }
    node
}

fn resolve(reference: &str, place: Place, lookup: Lookup<'_>, out: &mut Diagnostics) -> String {
    let name = match reference.split_once(':') {
        Some(("env", name)) => name,
        Some((_, default)) if default.starts_with('-') => reference,
        Some((scheme, _)) => {
            out.push(
                Diagnostic::error(place, format!("`${{{scheme}:...}}` cannot be resolved"))
                    .help("only `${env:NAME}` and `${env:NAME:-default}` can"),
            );
            return String::new();
        }
        None => reference,
    };
    let (name, default) = match name.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (name, None),
    };
    let valid = name
        .chars()
        .enumerate()
        .all(|(i, c)| c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit()));
    if name.is_empty() || !valid {
        out.push(
            Diagnostic::error(
                place,
                format!("`{name}` is no name of an environment variable"),
            )
            .help("names have letters, digits and underscores; write `$$` for a plain dollar sign"),
        );
        return String::new();
    }
    match (lookup(name), default) {
        (Some(value), _) => value,
        (None, Some(default)) => default.to_owned(),
        (None, None) => {
            out.push(
                Diagnostic::warning(
                    place,
                    format!("the environment variable {name} is not set; it counts as empty"),
                )
                .help(format!(
                    "set it, or give a default: `${{env:{name}:-default}}`"
                )),
            );
            String::new()
        }
    }
}
