//! The texts that a manifest is made of, and places in them.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A range of a manifest's text, in bytes. Where a manifest has several texts, positions run on from one to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TextRange {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A manifest's texts, in the order in which later ones are laid over earlier ones. There is always one.
#[derive(Clone)]
pub struct Source {
    first: SourceText,
    more: Vec<SourceText>,
}

/// A place in one of the texts, as editors count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position<'s> {
    /// The text's name.
    pub text: &'s str,
    /// The line, from 1.
    pub line: usize,
    /// The column, in characters, from 1.
    pub column: usize,
}

/// One text.
#[derive(Clone)]
pub struct SourceText {
    name: String,
    text: String,
    /// Where its places begin.
    base: usize,
    /// What paths in it are relative to, if it is known.
    folder: Option<PathBuf>,
}

impl fmt::Debug for Source {
    /// Without the texts: there may be credentials in them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Source {
    /// A source that diagnostics call `name`.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            first: SourceText {
                name: name.into(),
                text: text.into(),
                base: 0,
                folder: None,
            },
            more: Vec::new(),
        }
    }

    /// The same with paths in it relative to a folder.
    #[must_use]
    pub fn in_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.first.folder = Some(folder.into());
        self
    }

    /// Lays another source's texts over this one.
    pub fn push(&mut self, other: Source) {
        for part in std::iter::once(other.first).chain(other.more) {
            let base = self
                .parts()
                .last()
                .map_or(0, |last| last.base + last.text.len() + 1);
            self.more.push(SourceText { base, ..part });
        }
    }

    /// The name diagnostics show, usually the path as it was given.
    pub fn name(&self) -> String {
        let names: Vec<&str> = self.parts().map(SourceText::name).collect();
        names.join(", ")
    }

    pub(crate) fn parts(&self) -> impl Iterator<Item = &SourceText> {
        std::iter::once(&self.first).chain(&self.more)
    }

    /// The text that a place is in.
    pub(crate) fn part_at(&self, place: TextRange) -> &SourceText {
        let after = self.more.iter().rev();
        after
            .filter(|part| part.base <= place.start)
            .max_by_key(|part| part.base)
            .unwrap_or(&self.first)
    }

    /// The line and column where a place begins.
    pub fn position(&self, place: TextRange) -> Position<'_> {
        let part = self.part_at(place);
        let before = part.text.get(..part.range(place).start);
        let before = before.unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        Position {
            text: part.name(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
        }
    }

    /// What paths at a place are relative to.
    pub fn folder_at(&self, place: TextRange) -> Option<&Path> {
        self.part_at(place).folder.as_deref()
    }
}

impl SourceText {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn base(&self) -> usize {
        self.base
    }

    /// A place that stands for the whole.
    pub fn start(&self) -> TextRange {
        TextRange {
            start: self.base,
            end: self.base,
        }
    }

    /// A place within the text's bounds, between characters.
    pub fn range(&self, place: TextRange) -> Range<usize> {
        let mut start = place.start.saturating_sub(self.base).min(self.text.len());
        while !self.text.is_char_boundary(start) {
            start -= 1;
        }
        let end = place.end.saturating_sub(self.base);
        let mut end = end.clamp(start, self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        start..end
    }

    /// Cuts a place to its first line and to the text's bounds, so that a snippet never spans pages.
    pub fn first_line(&self, place: TextRange) -> Range<usize> {
        let Range { start, end } = self.range(place);
        let text = self.text.get(start..end).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default().trim_end();
        start..start + line.len()
    }
}
