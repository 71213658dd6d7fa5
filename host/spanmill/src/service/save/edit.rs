//! One entry of `plugins:` set in a manifest's text; every other character stays. Ways of writing a mapping that are not
//! understood leave everything alone.

use saphyr_parser::{Event, Parser, Span};

use crate::components::canonical_type as canonical;

/// A mapping that was found in the text.
struct Mapping {
    /// The byte offset and the indentation of its first key; `None` if it is empty.
    first: Option<(usize, usize)>,
    /// Whether it is written with braces.
    is_flow: bool,
    entries: Vec<Entry>,
}

struct Entry {
    key: String,
    value: Value,
}

enum Value {
    /// Its first byte, and one past its last.
    Scalar(usize, usize),
    Mapping(Mapping),
    Other,
}

/// The text with `file` and `digest` of a plugin as given.
pub(super) fn with_plugin(text: &str, kind: &str, file: &str, hash: &str) -> Option<String> {
    let root = root(text)?;
    let file = quoted(file);
    let digest = quoted(&format!("sha256:{hash}"));
    let Some(plugins) = root.get("plugins") else {
        let line_end = if text.ends_with('\n') { "" } else { "\n" };
        return (!root.is_flow).then(|| {
            format!("{text}{line_end}plugins:\n  {kind}: {{file: {file}, digest: {digest}}}\n")
        });
    };
    let Value::Mapping(plugins) = &plugins.value else {
        return None;
    };
    let mut edits = Vec::new();
    let entry = plugins
        .entries
        .iter()
        .find(|entry| canonical(&entry.key) == kind);
    match entry.map(|entry| &entry.value) {
        None => edits.push(plugins.insert(kind, &format!("{{file: {file}, digest: {digest}}}"))?),
        Some(Value::Mapping(plugin)) => {
            edits.push(plugin.set("digest", &digest)?);
            edits.push(plugin.set("file", &file)?);
        }
        Some(_) => return None,
    }
    // From the end, so that places before stay what they are.
    edits.sort_by_key(|(start, _, _)| std::cmp::Reverse(*start));
    let mut edited = text.to_owned();
    for (start, end, new) in edits {
        edited.get(start..end)?;
        edited.replace_range(start..end, &new);
    }
    Some(edited)
}

/// A byte range and its replacement.
type Edit = (usize, usize, String);

impl Mapping {
    fn get(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn set(&self, key: &str, value: &str) -> Option<Edit> {
        match self.get(key).map(|entry| &entry.value) {
            None => self.insert(key, value),
            Some(Value::Scalar(start, end)) => Some((*start, *end, value.to_owned())),
            Some(_) => None,
        }
    }

    /// Before the first key.
    fn insert(&self, key: &str, value: &str) -> Option<Edit> {
        let (at, column) = self.first?;
        let then = match self.is_flow {
            true => ", ".to_owned(),
            false => format!("\n{}", " ".repeat(column)),
        };
        Some((at, at, format!("{key}: {value}{then}")))
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The mapping that a text of one document is.
fn root(text: &str) -> Option<Mapping> {
    let mut offsets: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
    offsets.push(text.len());
    let mut events = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.ok()?;
        events.push((event, span));
    }
    let mut reader = Reader {
        text,
        offsets: &offsets,
        events: events.into_iter(),
    };
    loop {
        match reader.events.next()? {
            (Event::MappingStart(..), span) => return reader.mapping(span, 0),
            (Event::StreamStart | Event::DocumentStart(_), _) => {}
            _ => return None,
        }
    }
}

struct Reader<'t, I> {
    text: &'t str,
    /// Where each character begins, in bytes.
    offsets: &'t [usize],
    events: I,
}

/// Deeper than any manifest that is taken.
const DEPTH: usize = 64;

impl<'e, I: Iterator<Item = (Event<'e>, Span)>> Reader<'_, I> {
    fn byte(&self, character: usize) -> Option<usize> {
        self.offsets.get(character).copied()
    }

    fn mapping(&mut self, span: Span, depth: usize) -> Option<Mapping> {
        let start = self.byte(span.start.index())?;
        let mut mapping = Mapping {
            first: None,
            is_flow: self.text.get(start..)?.starts_with('{'),
            entries: Vec::new(),
        };
        loop {
            match self.events.next()? {
                (Event::MappingEnd, _) => return Some(mapping),
                (Event::Scalar(key, ..), span) => {
                    let at = self.byte(span.start.index())?;
                    mapping.first.get_or_insert((at, span.start.col()));
                    let value = self.value(depth.checked_add(1)?)?;
                    mapping.entries.push(Entry {
                        key: key.into_owned(),
                        value,
                    });
                }
                _ => return None,
            }
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        match self.events.next()? {
            (Event::Scalar(text, ..), span) => {
                let (start, end) = (self.byte(span.start.index())?, self.byte(span.end.index())?);
                // A value of more than one line, or none at all, is left alone.
                let is_plain = end > start && !text.contains('\n');
                Some(if is_plain {
                    Value::Scalar(start, end)
                } else {
                    Value::Other
                })
            }
            (Event::MappingStart(..), span) => self.mapping(span, depth).map(Value::Mapping),
            (Event::SequenceStart(..), _) => {
                self.skip_sequence()?;
                Some(Value::Other)
            }
            (Event::Alias(_), _) => Some(Value::Other),
            _ => None,
        }
    }

    fn skip_sequence(&mut self) -> Option<()> {
        let mut open = 1usize;
        while open > 0 {
            match self.events.next()?.0 {
                Event::SequenceStart(..) | Event::MappingStart(..) => open = open.checked_add(1)?,
                Event::SequenceEnd | Event::MappingEnd => open = open.checked_sub(1)?,
                _ => {}
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, expected: Expect) {
        let edited = with_plugin(text, "mine", "plugins/mine-0123.wasm", "0123");
        expected.assert_eq(&edited.unwrap());
    }

    #[test]
    fn what_is_there_is_replaced() {
        check(
            "# ours – mine\nplugins:\n  other: {file: o.wasm}\n  mine:\n    file: mine.wasm   # built by hand\n    digest: \"sha256:4567\"\n    timeout: 1s\nreceivers: {}\n",
            expect![[r#"
                # ours – mine
                plugins:
                  other: {file: o.wasm}
                  mine:
                    file: 'plugins/mine-0123.wasm'   # built by hand
                    digest: 'sha256:0123'
                    timeout: 1s
                receivers: {}
            "#]],
        );
        check(
            "plugins: {mine: {file: \"mine.wasm\", timeout: 1s}}\n",
            expect![[r#"
                plugins: {mine: {digest: 'sha256:0123', file: 'plugins/mine-0123.wasm', timeout: 1s}}
            "#]],
        );
    }

    #[test]
    fn what_is_missing_is_added() {
        check(
            "receivers: {}\nplugins:\n\n    # another\n    other:\n        file: o.wasm\n",
            expect![[r#"
                receivers: {}
                plugins:

                    # another
                    mine: {file: 'plugins/mine-0123.wasm', digest: 'sha256:0123'}
                    other:
                        file: o.wasm
            "#]],
        );
        check(
            "plugins:\n  mine:\n    # quick\n    timeout: 1s\n",
            expect![[r#"
                plugins:
                  mine:
                    # quick
                    file: 'plugins/mine-0123.wasm'
                    digest: 'sha256:0123'
                    timeout: 1s
            "#]],
        );
        check(
            "receivers: {}",
            expect![[r#"
                receivers: {}
                plugins:
                  mine: {file: 'plugins/mine-0123.wasm', digest: 'sha256:0123'}
            "#]],
        );
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        for text in [
            "",
            "- a list",
            "plugins: text",
            "plugins:\n",
            "plugins: {}\n",
            "plugins: {mine: }\n",
            "a: &a {file: x}\nplugins: {mine: *a}\n",
            "{receivers: {}}",
            "plugins: {mine: {file: [a]}}",
            "plugins: [",
        ] {
            assert_eq!(with_plugin(text, "mine", "f", "0"), None, "{text}");
        }
    }
}
