//! Why a request was not taken, whoever refused it. Which status that is, receivers know, each of its protocol.

use std::time::Duration;

use spanmill_otlp::{Malformed, ParseError};
use thiserror::Error;
use tonic::Code;

/// Why a request was not taken. Texts go back to the sender.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is not an OTLP request: sending it again is no use.
    #[error("malformed request: {0}")]
    Malformed(String),
    /// It holds more than one request may: sending it again is no use, sending smaller ones is.
    #[error("request too large: {0}")]
    TooLarge(String),
    /// A plugin that processes other requests well cannot process this one: sending it again is no use.
    #[error("the request cannot be processed: {0}")]
    Unprocessable(String),
    /// A queue is full or memory is short: send it again, later.
    #[error("overloaded; send it again in {retry_after:?}")]
    Overloaded {
        /// How long to wait.
        retry_after: Duration,
    },
    /// It cannot be processed now: send it again, later.
    #[error("unavailable; send it again in {retry_after:?}")]
    Unavailable {
        /// How long to wait.
        retry_after: Duration,
    },
    /// A backend that the sender waits for did not take it; its word is passed on.
    #[error("{message}")]
    Backend {
        /// What the backend answered, as a `google.rpc.Code`; `None` if it did not answer.
        code: Option<Code>,
        /// What happened.
        message: String,
        /// Whether another attempt may succeed.
        is_retryable: bool,
        /// How long the backend asks to wait.
        retry_after: Option<Duration>,
    },
    /// It failed for good.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Refusal {
    /// Whether another attempt may succeed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Refusal::Overloaded { .. } | Refusal::Unavailable { .. } => true,
            Refusal::Backend { is_retryable, .. } => *is_retryable,
            Refusal::Malformed(_)
            | Refusal::TooLarge(_)
            | Refusal::Unprocessable(_)
            | Refusal::Internal(_) => false,
        }
    }

    /// How long the sender is asked to wait before it tries again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Refusal::Overloaded { retry_after } | Refusal::Unavailable { retry_after } => {
                Some(*retry_after)
            }
            Refusal::Backend { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Refusal::Malformed(malformed.to_string())
    }
}

impl From<ParseError> for Refusal {
    fn from(error: ParseError) -> Self {
        match error {
            ParseError::Malformed(malformed) => malformed.into(),
            ParseError::TooMany { .. } => Refusal::TooLarge(error.to_string()),
        }
    }
}
