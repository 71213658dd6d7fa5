//! Where the admin API listens, and who may use it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use http::HeaderValue;
use spanmill_net::tls::ServerTls;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// How an endpoint that is a Unix socket begins.
const UNIX: &str = "unix:";

/// Where the API listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket, which only the user that it belongs to and root may use.
    Socket(PathBuf),
    /// `host:port`, where every request must show a token; port 0 takes a free one.
    Address(String),
}

impl Endpoint {
    /// Reads `unix:/path` or `host:port`. Whether the latter is right turns out when it is used.
    pub fn new(text: &str) -> Self {
        match text.strip_prefix(UNIX) {
            Some(path) => {
                // As a URI writes it: `unix:///path`.
                let path = path.strip_prefix("//").unwrap_or(path);
                Endpoint::Socket(PathBuf::from(path))
            }
            None => Endpoint::Address(text.to_owned()),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Socket(path) => write!(f, "{UNIX}{}", path.display()),
            Endpoint::Address(address) => f.write_str(address),
        }
    }
}

/// How the API is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminConfig {
    /// Where it listens.
    pub endpoint: Endpoint,
    /// What every request to an address must show. Without one, an address of this machine's own gets a random one, and
    /// any other is refused.
    pub token: Option<Token>,
    /// TLS on an address; `None`: plain text.
    pub tls: Option<ServerTls>,
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

    /// One that nobody can guess.
    pub(crate) fn random() -> std::io::Result<Self> {
        let bytes: [u8; 32] = spanmill_private::random()?;
        Ok(Self(
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        ))
    }

    /// The token itself, for a file that only its owner can read.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
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
