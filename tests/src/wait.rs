//! Waiting, but not for ever.

use std::time::Duration;

/// Longer than anything here may take, on a slow and busy machine.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// Waits for something, but not for ever.
///
/// # Panics
///
/// If it does not come within [`DEADLINE`]; `what` says what it was.
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {DEADLINE:?} in vain for {what}"),
    }
}
