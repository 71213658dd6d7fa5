//! Records of a state that is handed on, one behind the other.

use serde::Serialize;
use serde::de::DeserializeOwned;
use spanmill_sdk::RestoreError;

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
        .map_err(|_| RestoreError::data("it is not what such a sampler hands on"))?;
    *data = rest;
    Ok(value)
}
