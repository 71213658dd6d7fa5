//! YAML as a tree whose every node knows its place. Built from the parser's events rather than through serde, so that
//! the walk over it can go on after a mistake, and so that aliases and nesting are bounded before they are followed.

mod scalar;

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::source::TextRange;
use crate::tree::{Entry, Node, Value};

pub(crate) use scalar::scalar;

/// Deeper nesting than any manifest needs, and shallow enough for the walk's recursion.
const MAX_DEPTH: usize = 64;
/// Nodes in all, those that aliases repeat included: a bound against alias bombs.
pub const MAX_NODES: usize = 100_000;

/// Parses one document, whose places begin at `base`. Mistakes go to `out`; `None` if the text cannot be
/// read at all.
pub fn parse(text: &str, base: usize, out: &mut Diagnostics) -> Option<Node> {
    let mut builder = Builder {
        text,
        base,
        byte: (0, 0),
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        root: None,
        out,
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                let start = builder.byte_of(error.marker().index());
                let place = TextRange {
                    start,
                    end: start + 1,
                };
                builder.out.push(
                    Diagnostic::error(place, format!("this is not YAML: {}", error.info()))
                        .help("check the indentation, and quote texts with special characters"),
                );
                return None;
            }
        };
        let place = TextRange {
            start: builder.byte_of(span.start.index()),
            end: builder.byte_of(span.end.index()),
        };
        if builder.event(event, place).is_err() {
            return None;
        }
    }
    builder.root
}

/// Parsing stops; the diagnostics say why.
struct Stop;

/// A list or mapping that has not ended yet.
struct OpenNode {
    start: TextRange,
    anchor: usize,
    content: OpenNodeContent,
}

enum OpenNodeContent {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<(String, TextRange)>),
}

struct Builder<'a> {
    text: &'a str,
    base: usize,
    /// A character index and the byte it stands at: the parser counts characters, and mostly goes forward.
    byte: (usize, usize),
    open: Vec<OpenNode>,
    anchors: HashMap<usize, Node>,
    nodes: usize,
    root: Option<Node>,
    out: &'a mut Diagnostics,
}

impl Builder<'_> {
    fn byte_of(&mut self, character: usize) -> usize {
        let (known, byte) = if character < self.byte.0 {
            (0, 0)
        } else {
            self.byte
        };
        let rest = self.text.get(byte..).unwrap_or_default();
        let offset = rest
            .char_indices()
            .nth(character - known)
            .map_or(rest.len(), |(offset, _)| offset);
        self.byte = (character, byte + offset);
        self.base + byte + offset
    }

    fn event(&mut self, event: Event<'_>, place: TextRange) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(_) if self.root.is_some() => self.stop(
                place,
                "a manifest is one YAML document; a second one starts here",
            ),
            Event::Alias(anchor) => {
                let Some(mut node) = self.anchors.get(&anchor).cloned() else {
                    return self.stop(place, "this alias stands inside the value it repeats");
                };
                if !matches!(node.value, Value::List(_) | Value::Map(_)) {
                    node.place = place;
                }
                let size = node.size();
                self.count(size, place)?;
                self.add(node, 0)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(1, place)?;
                let plain = style == ScalarStyle::Plain && !is_string_tag(tag.as_deref());
                self.add(scalar(place, text.into_owned(), plain), anchor)
            }
            Event::SequenceStart(anchor, _) => {
                self.start(place, anchor, OpenNodeContent::List(Vec::new()))
            }
            Event::MappingStart(anchor, _) => {
                self.start(place, anchor, OpenNodeContent::Map(Vec::new(), None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(place),
            _ => Ok(()),
        }
    }

    fn stop(&mut self, place: TextRange, message: &str) -> Result<(), Stop> {
        self.out.push(Diagnostic::error(place, message));
        Err(Stop)
    }

    fn count(&mut self, more: usize, place: TextRange) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > MAX_NODES {
            let message = format!(
                "the manifest has more than {MAX_NODES} values, counting what aliases repeat"
            );
            return self.stop(place, &message);
        }
        Ok(())
    }

    fn start(
        &mut self,
        place: TextRange,
        anchor: usize,
        content: OpenNodeContent,
    ) -> Result<(), Stop> {
        self.count(1, place)?;
        if self.open.len() >= MAX_DEPTH {
            let message = format!("this is nested more than {MAX_DEPTH} levels deep");
            return self.stop(place, &message);
        }
        self.open.push(OpenNode {
            start: place,
            anchor,
            content,
        });
        Ok(())
    }

    fn end(&mut self, place: TextRange) -> Result<(), Stop> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        // A block's end is reported where the next thing starts: leave out the blank between.
        let upto = place.end.max(open.start.end);
        let start = open.start.start.saturating_sub(self.base);
        let end = upto.saturating_sub(self.base);
        let text = self.text.get(start..end).unwrap_or_default();
        let whole = TextRange {
            start: open.start.start,
            end: open.start.start + text.trim_end().len(),
        };
        let value = match open.content {
            OpenNodeContent::List(items) => Value::List(items),
            OpenNodeContent::Map(entries, _) => Value::Map(merge(entries)),
        };
        self.add(Node::new(whole, value), open.anchor)
    }

    fn add(&mut self, node: Node, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            // The anchored copy counts as well: anchors nest.
            let size = node.size();
            self.count(size, node.place)?;
            self.anchors.insert(anchor, node.clone());
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.content {
            OpenNodeContent::List(items) => items.push(node),
            OpenNodeContent::Map(entries, key @ None) => match node.value {
                Value::List(_) | Value::Map(_) => {
                    return self.stop(node.place, "a key must be a text");
                }
                _ => {
                    if let Some(first) = entries.iter().find(|e| e.key == node.raw && e.key != "<<")
                    {
                        let message = format!("`{}` is there twice", node.raw);
                        self.out.push(
                            Diagnostic::error(node.place, message)
                                .related(first.key_place, "first here")
                                .help("remove one of the two"),
                        );
                    }
                    *key = Some((node.raw, node.place));
                }
            },
            OpenNodeContent::Map(entries, key) => {
                if let Some((key, key_place)) = key.take() {
                    entries.push(Entry {
                        key,
                        key_place,
                        value: node,
                    });
                }
            }
        }
        Ok(())
    }
}

fn is_string_tag(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str")
}

/// Resolves `<<` merge keys: what the mapping itself says wins, then the earlier of the merged ones.
fn merge(entries: Vec<Entry>) -> Vec<Entry> {
    let (merges, mut own): (Vec<_>, Vec<_>) =
        entries.into_iter().partition(|entry| entry.key == "<<");
    for merged in merges {
        let maps = match merged.value.value {
            Value::List(items) => items,
            _ => vec![merged.value],
        };
        for map in maps {
            let Value::Map(entries) = map.value else {
                continue;
            };
            for entry in entries {
                if own.iter().all(|known| known.key != entry.key) {
                    own.push(entry);
                }
            }
        }
    }
    own
}
