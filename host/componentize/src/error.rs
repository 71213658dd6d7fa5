//! Why a module cannot become a plugin.

/// Why a module cannot become a plugin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are no WebAssembly.
    #[error("this is no WebAssembly module: {0}")]
    Malformed(String),
    /// The file is what it should become.
    #[error("this is a component already; use it as it is")]
    Component,
    /// It exports functions of the contract's package that the contract does not have.
    #[error("it exports `{0}`, which this version's contract does not have")]
    Unknown(String),
    /// It exports none of the roles.
    #[error(
        "it exports no role; export the functions of spanmill:plugin/processor@0.1.0, connector, record-connector or router, \
         as the SDK's registration does"
    )]
    NoRole,
    /// The WIT or the world in it is not usable.
    #[error("the world cannot be used: {0}")]
    World(String),
    /// A function is missing, has another type, or is imported and not there.
    #[error("it does not fit the contract: {0}")]
    Encode(String),
}

impl Error {
    pub(crate) fn encode(error: anyhow::Error) -> Self {
        Error::Encode(format!("{error:#}"))
    }
}
