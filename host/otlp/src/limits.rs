//! How much one request may hold. A message of two bytes on the wire takes many times that in the index, so what a
//! request unfolds to is counted while it is checked.

use crate::malformed::Malformed;
use crate::place::Place;
use crate::wire::Flaw;

/// How much one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemLimits {
    /// Spans, log records or data points.
    pub spans: usize,
    /// Everything that has a place of its own: spans, events, links, log records, metrics, data points, exemplars, attributes,
    /// the values in lists and maps; a resource, scope or metric counts eight times, for what it takes in the index.
    pub items: usize,
}

impl ItemLimits {
    /// No limits, for requests that were counted before.
    pub const NONE: ItemLimits = ItemLimits {
        spans: usize::MAX,
        items: usize::MAX,
    };
}

impl Default for ItemLimits {
    /// Far more than senders put into a request, and little enough that several fit into memory.
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
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
}

impl ParseError {
    /// The error of a request that was parsed without limits.
    pub(crate) fn without_limits(self) -> Malformed {
        match self {
            ParseError::Malformed(malformed) => malformed,
            ParseError::TooMany { .. } => Malformed::too_large(),
        }
    }
}

/// How many numbers the lists of data points may hold.
const MOST_NUMBERS: usize = 1 << 27;

/// What a resource, scope or metric counts.
const GROUP: usize = 8;

/// What else a request holds too much of, if not spans, log records or data points.
pub(crate) const ELEMENTS: &str = "attributes, events, links and other items";

/// What the check of a request has found so far, besides what the index lists.
#[derive(Debug)]
pub(crate) struct Found {
    /// Every attribute of every span, log record or data point, in order.
    pub(crate) attributes: Vec<Place>,
    /// Other messages.
    pub(crate) others: usize,
    /// Limit on the sum of those two.
    pub(crate) limit: usize,
    /// Numbers in the lists of data points.
    pub(crate) numbers: usize,
}

impl Found {
    pub(crate) fn new(attributes: Vec<Place>, limit: usize) -> Self {
        Found {
            attributes,
            others: 0,
            limit,
            numbers: 0,
        }
    }

    /// How many messages there are.
    pub(crate) fn elements(&self) -> usize {
        self.attributes.len().saturating_add(self.others)
    }

    /// Counts one more message that is not listed.
    #[inline]
    pub(crate) fn other(&mut self) -> Result<(), Flaw> {
        self.others += 1;
        self.check()
    }

    /// Counts a resource, scope or metric.
    #[inline]
    pub(crate) fn group(&mut self) -> Result<(), Flaw> {
        self.others += GROUP;
        self.check()
    }

    /// Counts numbers in a list of a data point. A list that is read becomes an array, in which a number takes up to 13
    /// bytes: together with all else they must fit a pool of 4 GiB.
    #[inline]
    pub(crate) fn numbers(&mut self, count: usize) -> Result<(), Flaw> {
        self.numbers = self.numbers.saturating_add(count);
        match self.numbers <= MOST_NUMBERS {
            true => Ok(()),
            false => Err(Flaw::TooManyElements),
        }
    }

    /// Fails if more was found than the limit allows.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), Flaw> {
        match self.elements() <= self.limit {
            true => Ok(()),
            false => Err(Flaw::TooManyElements),
        }
    }
}
