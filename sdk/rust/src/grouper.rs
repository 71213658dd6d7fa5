//! The trait of a processor that puts rows under other resources.

use crate::connector::OwnedLists;
use crate::{ABSENT, Batch, Cell, Processor};

/// What a processor may do besides: put spans, log records and data points under other resources. Rows of equal resources and
/// scopes come to stand together, even if none moves. The plugin declares that it writes `resource.attributes`. Register it
/// with `register_processor!(MyPlugin, grouper)`; the trait alone exports nothing.
pub trait Grouper: Processor {
    /// Whether [`Grouper::group`] is to be called, under the settings: asked once, after `configure`.
    fn groups_rows(&self) -> bool {
        true
    }

    /// Where the rows of the last batch go: asked right after each `process` that went well, before its outcome is
    /// applied. Make the groups there, and hand them out here.
    fn group(&mut self) -> Groups;
}

/// Where rows go. Empty: all of them stay.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    first_text: u32,
    rows: usize,
    #[doc(hidden)]
    pub of_each: Vec<u32>,
    #[doc(hidden)]
    pub text_ends: Vec<u32>,
    #[doc(hidden)]
    pub text_bytes: Vec<u8>,
    #[doc(hidden)]
    pub attributes: OwnedLists,
}

impl Groups {
    /// None yet, for a batch.
    pub fn new(batch: &Batch<'_>) -> Self {
        Groups {
            first_text: batch.texts.len() as u32,
            rows: batch.rows(batch.signal.item()),
            ..Groups::default()
        }
    }

    /// Adds a text, and returns the index to name it by. It is of these groups alone, not of the outcome.
    pub fn text(&mut self, text: &str) -> u32 {
        self.bytes(text.as_bytes())
    }

    /// Adds bytes, or an encoded array or map, and returns the index to name it by.
    pub fn bytes(&mut self, bytes: &[u8]) -> u32 {
        self.text_bytes.extend_from_slice(bytes);
        self.text_ends.push(self.text_bytes.len() as u32);
        self.first_text + self.text_ends.len() as u32 - 1
    }

    /// Adds a group, and returns its number. Its rows go under the resource that they come from with these entries on top, keys
    /// and values: each takes the place of entries with its key. Texts are the batch's own, or from [`Groups::text`].
    pub fn add(&mut self, entries: impl IntoIterator<Item = (u32, Cell)>) -> u32 {
        for (key, value) in entries {
            self.attributes.keys.push(key);
            self.attributes.values.push(value);
        }
        self.attributes.ends.push(self.attributes.keys.len() as u32);
        self.attributes.ends.len() as u32 - 1
    }

    /// Puts a span, log record or data point into a group.
    pub fn put(&mut self, row: usize, group: u32) {
        if self.of_each.is_empty() {
            self.of_each.resize(self.rows, ABSENT);
        }
        if let Some(of) = self.of_each.get_mut(row) {
            *of = group;
        }
    }
}
