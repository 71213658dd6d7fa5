//! How much one request may hold. A message of two bytes on the wire takes many times that once it is indexed, so what a
//! request unfolds to is counted while it is checked.

use crate::index::Malformed;
use crate::validate::attributes::Place;
use crate::wire::Flaw;

/// How much one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemLimits {
    /// Spans.
    pub spans: usize,
    /// Everything that has a place of its own: spans, events, links, attributes, the values in lists and maps; a resource or
    /// scope counts eight times, for what it takes in the index.
    pub items: usize,
}

impl ItemLimits {
    /// No limits, for what was counted before.
    pub const NONE: ItemLimits = ItemLimits {
        spans: usize::MAX,
        items: usize::MAX,
    };
}

impl Default for ItemLimits {
    /// Far more than senders put into a request, and little enough to be held several times over.
    fn default() -> Self {
        ItemLimits {
            spans: 200_000,
            items: 1_000_000,
        }
    }
}

/// Why a request is not processed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// It is not OTLP.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// It holds more than it may.
    #[error("the request holds more than {limit} {what}; send smaller ones")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

/// What a resource or scope counts.
const GROUP: usize = 8;

pub(crate) const SPANS: &str = "spans";
pub(crate) const ITEMS: &str = "attributes, events, links and other items";

/// What the check of a request has found, besides what the index lists.
#[derive(Debug)]
pub(crate) struct Found {
    /// Every attribute of every span, in order.
    pub(crate) attributes: Vec<Place>,
    /// Other messages.
    pub(crate) others: usize,
    /// What those two may come to.
    pub(crate) limit: usize,
}

impl Found {
    pub(crate) fn new(attributes: Vec<Place>, limit: usize) -> Self {
        Found {
            attributes,
            others: 0,
            limit,
        }
    }

    pub(crate) fn items(&self) -> usize {
        self.attributes.len().saturating_add(self.others)
    }

    /// Counts one more message that is not listed.
    #[inline]
    pub(crate) fn other(&mut self) -> Result<(), Flaw> {
        self.others += 1;
        self.check()
    }

    /// Counts a resource or scope.
    #[inline]
    pub(crate) fn group(&mut self) -> Result<(), Flaw> {
        self.others += GROUP;
        self.check()
    }

    /// Whether what was found is within the limit.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), Flaw> {
        match self.items() <= self.limit {
            true => Ok(()),
            false => Err(Flaw::TooManyItems),
        }
    }
}
