//! What happens when something cannot be evaluated.

/// What happens when a condition or a statement cannot be evaluated for a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ErrorMode {
    /// The condition does not hold, the statement does nothing; a warning says so once a batch.
    #[default]
    Ignore,
    /// The condition does not hold, the statement does nothing.
    Silent,
    /// The batch fails.
    Propagate,
}
