//! `${env:NAME}` inside scalars, by the Collector's rules: `${NAME}` for short, `${env:NAME:-default}`, `$$` for a dollar.
//! References may stand inside others, and what a variable holds may have references itself; the innermost come first.
//! A scalar that is one reference and nothing else, quoted or not, has the type of what the variable holds.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::TextRange;
use crate::tree::{Node, Value};
use crate::yaml::{self, MAX_NODES};

/// Where variables come from.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// References inside references, and variables that name variables.
const MAX_DEPTH: usize = 32;
/// All that variables stand for, wherever they are named.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Replaces every reference in the tree. Stops when variables stand for more than a manifest may have.
pub fn substitute(root: &mut Node, lookup: Lookup<'_>, out: &mut Diagnostics) {
    let nodes = root.size();
    let mut expansion = Expansion {
        lookup,
        out,
        nodes,
        bytes: 0,
    };
    if let Err(Stop(diagnostic)) = expansion.node(root, 0) {
        out.push(*diagnostic);
    }
}

/// There is too much of it: nothing more is replaced.
struct Stop(Box<Diagnostic>);

struct Expansion<'a> {
    lookup: Lookup<'a>,
    out: &'a mut Diagnostics,
    /// Nodes so far.
    nodes: usize,
    /// Bytes put in so far.
    bytes: usize,
}

/// What a text with references stands for.
enum Expanded {
    /// The text was one reference, to this. It has not been looked into.
    One(Reference),
    /// Anything else.
    Text(String),
}

/// What one reference stands for.
struct Reference {
    text: String,
    /// Nothing is nothing, but an empty default is an empty text.
    is_text: bool,
    /// Whether there are no references left in it.
    is_final: bool,
}

impl Expansion<'_> {
    fn node(&mut self, node: &mut Node, depth: usize) -> Result<(), Stop> {
        match &mut node.value {
            Value::List(items) => items.iter_mut().try_for_each(|item| self.node(item, depth)),
            Value::Map(entries) => entries
                .iter_mut()
                .try_for_each(|entry| self.node(&mut entry.value, depth)),
            Value::Text(text) if text.contains('$') => {
                let text = std::mem::take(text);
                *node = self.scalar(&text, node.place, depth)?;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// What stands in the place of a scalar.
    fn scalar(&mut self, text: &str, place: TextRange, depth: usize) -> Result<Node, Stop> {
        match self.expand(text, place, depth)? {
            Expanded::Text(expanded) => {
                let mut node = yaml::scalar(place, expanded, false);
                node.from_env = text.contains("${");
                Ok(node)
            }
            Expanded::One(reference) => self.typed(reference, place, depth + 1),
        }
    }

    /// What a variable alone stands for: the Collector reads it as YAML, and replaces the references in what it finds.
    fn typed(
        &mut self,
        reference: Reference,
        place: TextRange,
        depth: usize,
    ) -> Result<Node, Stop> {
        let Reference {
            text,
            is_text,
            is_final,
        } = reference;
        let mut scratch = Diagnostics::scratch();
        let parsed = match is_text {
            true => None,
            false => yaml::parse(&text, 0, &mut scratch).filter(|_| !scratch.has_errors()),
        };
        let mut node = match parsed {
            Some(node) if !matches!(node.value, Value::Text(_)) => node,
            None if !is_text && text.trim().is_empty() => Node::null(place),
            // Not YAML, or a text: then it is the text as it is, comment signs and all.
            _ if text.contains('$') && !is_final => {
                let mut node = self.scalar(&text, place, depth)?;
                node.from_env = true;
                return Ok(node);
            }
            _ => yaml::scalar(place, text.clone(), false),
        };
        self.count(node.size(), place)?;
        node.move_to(place);
        match node.value {
            Value::List(_) | Value::Map(_) if is_final => {}
            Value::List(_) | Value::Map(_) => self.node(&mut node, depth)?,
            _ => node.raw = text,
        }
        Ok(node)
    }

    fn expand(&mut self, text: &str, place: TextRange, depth: usize) -> Result<Expanded, Stop> {
        if depth > MAX_DEPTH {
            let message =
                format!("variables name each other more than {MAX_DEPTH} times, one in the other");
            return Err(stop(
                place,
                &message,
                "see whether one of them names itself",
            ));
        }
        let mut result = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, tail) = rest.split_at(at);
            result.push_str(before);
            if let Some(tail) = tail.strip_prefix("$$") {
                result.push('$');
                rest = tail;
                continue;
            }
            let Some(inner) = tail.strip_prefix("${") else {
                result.push('$');
                rest = tail.strip_prefix('$').unwrap_or_default();
                continue;
            };
            let Some((inner, tail)) = split_at_end(inner) else {
                self.out.push(
                    Diagnostic::error(place, "`${` without its `}`")
                        .help("write `$$` for a plain dollar sign"),
                );
                return Ok(Expanded::Text(text.to_owned()));
            };
            let reference = self.reference(inner, place, depth)?;
            if before.is_empty() && tail.is_empty() && result.is_empty() {
                return Ok(Expanded::One(reference));
            }
            result.push_str(&self.flat(reference, place, depth + 1)?);
            rest = tail;
        }
        result.push_str(rest);
        Ok(Expanded::Text(result))
    }

    /// A reference as part of a text, with the references in what it stands for replaced.
    fn flat(
        &mut self,
        reference: Reference,
        place: TextRange,
        depth: usize,
    ) -> Result<String, Stop> {
        if reference.is_final {
            return Ok(reference.text);
        }
        self.flat_text(&reference.text, place, depth)
    }

    fn flat_text(&mut self, text: &str, place: TextRange, depth: usize) -> Result<String, Stop> {
        match self.expand(text, place, depth)? {
            Expanded::Text(text) => Ok(text),
            Expanded::One(inner) => self.flat(inner, place, depth + 1),
        }
    }

    /// What stands between `${` and `}`, resolved.
    fn reference(
        &mut self,
        inner: &str,
        place: TextRange,
        depth: usize,
    ) -> Result<Reference, Stop> {
        let (name, default) = match split_at_default(inner) {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        let name = self.flat_text(name, place, depth + 1)?;
        let name = match name.split_once(':') {
            Some(("env", name)) => name,
            Some((scheme, _)) => {
                self.out.push(
                    Diagnostic::error(place, format!("`${{{scheme}:...}}` cannot be resolved"))
                        .help("only `${env:NAME}` and `${env:NAME:-default}` can; give further files as further `--config`"),
                );
                return Ok(Reference::nothing());
            }
            None => name.as_str(),
        };
        let valid = name
            .chars()
            .enumerate()
            .all(|(i, c)| c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit()));
        if name.is_empty() || !valid {
            // What a variable holds stays out of messages.
            let message = match inner.contains("${") {
                true => "what the inner references make is no name of an environment variable"
                    .to_owned(),
                false => format!("`{name}` is no name of an environment variable"),
            };
            self.out.push(Diagnostic::error(place, message).help(
                "names have letters, digits and underscores; write `$$` for a plain dollar sign",
            ));
            return Ok(Reference::nothing());
        }
        let reference = match ((self.lookup)(name), default) {
            (Some(text), _) => Reference {
                text,
                is_text: false,
                is_final: false,
            },
            (None, Some(default)) => Reference {
                text: self.flat_text(default, place, depth + 1)?,
                is_text: default.is_empty(),
                is_final: true,
            },
            (None, None) => {
                self.out.push(
                    Diagnostic::warning(
                        place,
                        format!("the environment variable {name} is not set; it counts as empty"),
                    )
                    .help(format!(
                        "set it, or give a default: `${{env:{name}:-default}}`"
                    )),
                );
                Reference::nothing()
            }
        };
        self.bytes = self.bytes.saturating_add(reference.text.len());
        if self.bytes > MAX_BYTES {
            let message = format!(
                "variables stand for more than {} MiB here, counting each time they are named",
                MAX_BYTES / (1024 * 1024)
            );
            let help = "move what is large into a file, and give it as a further `--config`";
            return Err(stop(place, &message, help));
        }
        Ok(reference)
    }

    fn count(&mut self, more: usize, place: TextRange) -> Result<(), Stop> {
        // The scalar in whose place it stands was counted.
        self.nodes = self.nodes.saturating_add(more.saturating_sub(1));
        if self.nodes > MAX_NODES {
            let message = format!(
                "the manifest has more than {MAX_NODES} values, counting what variables and aliases repeat"
            );
            let help = "refer to the variable with so many values less often";
            return Err(stop(place, &message, help));
        }
        Ok(())
    }
}

impl Reference {
    fn nothing() -> Self {
        Reference {
            text: String::new(),
            is_text: false,
            is_final: true,
        }
    }
}

fn stop(place: TextRange, message: &str, help: &str) -> Stop {
    Stop(Box::new(Diagnostic::error(place, message).help(help)))
}

/// Splits at the `}` that ends a reference, past those that end references inside it.
fn split_at_end(text: &str) -> Option<(&str, &str)> {
    split_outside(text, "}")
}

/// Splits a reference at `:-`, past those in references inside it.
fn split_at_default(text: &str) -> Option<(&str, &str)> {
    split_outside(text, ":-")
}

/// Splits at the first of these marks that is in no reference inside the text.
fn split_outside<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let mut open = 0;
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        if open == 0
            && let Some(after) = rest.strip_prefix(mark)
        {
            return Some((text.get(..at)?, after));
        }
        at += if rest.starts_with("$$") {
            2
        } else if rest.starts_with("${") {
            open += 1;
            2
        } else {
            if rest.starts_with('}') && open > 0 {
                open -= 1;
            }
            rest.chars().next()?.len_utf8()
        };
    }
}
