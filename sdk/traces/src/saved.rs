//! Records of a state that is handed on, one behind the other.

use serde::Serialize;
use serde::de::DeserializeOwned;
use spanmill_sdk::{Level, RestoreError};

/// Adds a record.
pub fn put<T: Serialize>(out: Vec<u8>, value: &T) -> Vec<u8> {
    // Writing to memory does not fail, nor do the types of a state.
    postcard::to_extend(value, out).unwrap_or_default()
}

/// Takes the next record out.
///
/// # Errors
///
/// The data are no such record: they are of another plugin, or cut off.
pub fn take<T: DeserializeOwned>(data: &mut &[u8]) -> Result<T, RestoreError> {
    let (value, rest) = postcard::take_from_bytes(data)
        .map_err(|_| RestoreError::data("it is not what such a plugin hands on"))?;
    *data = rest;
    Ok(value)
}

/// Says that nothing is left.
///
/// # Errors
///
/// There is something: the data are of another plugin.
pub fn end(data: &[u8]) -> Result<(), RestoreError> {
    match data.is_empty() {
        true => Ok(()),
        false => Err(RestoreError::data(
            "there is more than such a plugin hands on",
        )),
    }
}

/// Logs that so many traces have to be shown again, and why.
pub fn log_unknown(rules: &str, missing: &[&str], unknown: u64) {
    if unknown > 0 {
        let message = format!(
            "the new {rules} ask what was not asked before: {}; {unknown} traces are decided on once their spans have been looked at again",
            missing.join(", ")
        );
        spanmill_sdk::log(Level::Info, &message);
    }
}
