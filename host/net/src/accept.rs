//! One step of an accept loop.

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::warn;

/// How long to wait when the system has no connection to give.
const PAUSE: Duration = Duration::from_millis(100);

/// The next connection; `None` once `shutdown` is there. `owner` is whose listener it is, for the log.
pub async fn accept<T, F>(
    owner: &str,
    shutdown: &CancellationToken,
    mut next: impl FnMut() -> F,
) -> Option<T>
where
    F: Future<Output = io::Result<T>>,
{
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => return None,
            accepted = next() => accepted,
        };
        match accepted {
            Ok(accepted) => return Some(accepted),
            Err(error) => {
                // Out of file handles, mostly: give connections time to end.
                warn!(%error, "{owner}: cannot accept a connection");
                tokio::select! {
                    () = shutdown.cancelled() => return None,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
    }
}
