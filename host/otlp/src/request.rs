//! A checked request.

use std::sync::Arc;

use bytes::Bytes;
use spanmill_model::Signal;

use crate::index::Index;
use crate::index::walk::walk;
use crate::limits::{ELEMENTS, ItemLimits, ParseError};
use crate::malformed::{MAX_BYTES, Malformed};
use crate::wire::Flaw;

/// A checked export request of one signal. Clones share it.
#[derive(Clone, Debug)]
pub struct Request {
    pub(crate) bytes: Bytes,
    pub(crate) index: Arc<Index>,
}

impl Request {
    /// Checks a request and finds its rows. What passes is well-formed to its last byte.
    ///
    /// # Errors
    ///
    /// What prost would refuse, and what decoders read in different ways.
    pub fn parse(signal: Signal, bytes: Bytes) -> Result<Self, Malformed> {
        Self::parse_within(signal, bytes, &ItemLimits::NONE).map_err(ParseError::without_limits)
    }

    /// Like [`Request::parse`], for a request that may hold no more than `limits`. The check stops where it exceeds one.
    ///
    /// # Errors
    ///
    /// Those of [`Request::parse`], and a request beyond a limit.
    pub fn parse_within(
        signal: Signal,
        bytes: Bytes,
        limits: &ItemLimits,
    ) -> Result<Self, ParseError> {
        if bytes.len() > MAX_BYTES {
            return Err(Malformed::too_large().into());
        }
        match walk(&bytes, signal, limits) {
            Ok(index) => Ok(Request {
                bytes,
                index: Arc::new(index),
            }),
            Err((_, Flaw::TooManyItems)) => Err(ParseError::TooMany {
                what: signal.items(),
                limit: limits.spans,
            }),
            Err((_, Flaw::TooManyElements)) => Err(ParseError::TooMany {
                what: ELEMENTS,
                limit: limits.items,
            }),
            Err((offset, flaw)) => Err(Malformed {
                offset,
                what: flaw.what(),
            }
            .into()),
        }
    }

    /// What it carries.
    pub fn signal(&self) -> Signal {
        self.index.signal
    }

    /// The request as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many spans, log records or data points there are.
    pub fn item_count(&self) -> usize {
        self.index.items.len()
    }

    /// How many messages there are, as [`ItemLimits::items`] counts them.
    pub(crate) fn element_count(&self) -> usize {
        self.index.elements
    }
}
