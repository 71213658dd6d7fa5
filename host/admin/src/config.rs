//! Where the admin API listens, and who may use it.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Where the API listens unless told otherwise: this machine only, beside OTLP's 4317 and 4318.
pub const DEFAULT_ENDPOINT: &str = "127.0.0.1:4319";

/// How the API is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// `host:port`; port 0 takes a free one.
    pub endpoint: String,
    /// What every request must show; needed where other machines can reach the endpoint.
    pub token: Option<Token>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            endpoint: DEFAULT_ENDPOINT.to_owned(),
            token: None,
        }
    }
}

/// What a request shows to be let in: a bearer token. Never shows in logs.
#[derive(Clone)]
pub struct Token(String);

/// A text that cannot be a token. What it was stays out of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidToken {
    /// Nothing is no secret.
    #[error("the admin token is empty; set one, such as `openssl rand -hex 32` prints")]
    Empty,
    /// It would not survive in a header.
    #[error(
        "the admin token holds a space, a line break or a character outside ASCII; use letters and digits, such as `openssl rand -hex 32` prints"
    )]
    Character,
}

impl Token {
    /// Takes a text that can stand in a header: printable ASCII without spaces.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidToken> {
        let text = text.into();
        if text.is_empty() {
            return Err(InvalidToken::Empty);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken::Character);
        }
        Ok(Self(text))
    }

    /// Whether this is the token. Takes as long for a near miss as for a far one, so that nobody can feel their way.
    pub(crate) fn is(&self, shown: &[u8]) -> bool {
        self.0.as_bytes().ct_eq(shown).into()
    }

    /// The header's value; for the wire only.
    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl FromStr for Token {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        Self::new(text)
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.is(other.0.as_bytes())
    }
}

impl Eq for Token {}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}
