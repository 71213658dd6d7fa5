//! Where each row of a request stands, found in the one pass that checks it.

pub(crate) mod walk;

use spanmill_model::{Context, Signal};

use crate::place::Place;
use crate::schema::DataKind;
use crate::wire::Reader;

/// A field that holds a message: tag at `start`, content in `body..end`.
/// A message that was not sent has all three alike, where it would be inserted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) start: u32,
    pub(crate) body: u32,
    pub(crate) end: u32,
}

impl Entry {
    /// A message that was not sent.
    pub(crate) fn missing(at: u32) -> Self {
        Entry {
            start: at,
            body: at,
            end: at,
        }
    }

    pub(crate) fn reader<'a>(&self, bytes: &'a [u8]) -> Reader<'a> {
        Reader::new(bytes, self.body as usize, self.end as usize)
    }
}

/// A resource, scope or metric, and the rows below it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group {
    /// The message with its own fields.
    pub(crate) head: Entry,
    /// The message with the rows below: around the head, but inside a metric.
    pub(crate) body: Entry,
    /// What a metric's points are.
    pub(crate) data: DataKind,
    /// The rows below.
    pub(crate) first: u32,
    pub(crate) last: u32,
}

/// The rows of a request: groups, and the spans, log records or data points that they lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    pub(crate) signal: Signal,
    pub(crate) resources: Vec<Group>,
    pub(crate) scopes: Vec<Group>,
    pub(crate) metrics: Vec<Group>,
    pub(crate) items: Vec<Entry>,
    /// Every attribute of every item, in order.
    pub(crate) attributes: Vec<Place>,
    /// For each item, the end of its attributes in that list, and the position behind those that stand together first.
    pub(crate) attribute_ends: Vec<(u32, u32)>,
    /// How many messages there are in all.
    pub(crate) elements: usize,
    /// How many numbers the lists of data points hold.
    pub(crate) numbers: usize,
}

impl Index {
    /// An empty index with room for what `bytes` bytes usually hold.
    fn with_room_for(signal: Signal, bytes: usize) -> Self {
        let (metric, item) = match signal {
            Signal::Traces | Signal::Logs => (usize::MAX, 320),
            Signal::Metrics => (1000, 160),
        };
        Index {
            signal,
            metrics: Vec::with_capacity(bytes / metric),
            items: Vec::with_capacity(bytes / item),
            attribute_ends: Vec::with_capacity(bytes / item),
            ..Index::default()
        }
    }

    /// The rows of a context that has rows below it.
    pub(crate) fn groups(&self, context: Context) -> Option<&[Group]> {
        match context {
            Context::Resource => Some(&self.resources),
            Context::Scope => Some(&self.scopes),
            Context::Metric => Some(&self.metrics),
            _ => None,
        }
    }
}
