//! The accept loop: bounded in connections, and with an end that finishes what is in flight.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

/// Connections at once, each with one request at a time; further ones wait in the system's backlog.
const MAX_CONNECTIONS: usize = 64;
/// A client that does not finish its headers goes, and so does one that has nothing more to ask.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Serves until `shutdown`, and until connections and `tracker`'s commands have ended, but no longer than `grace`.
pub(super) async fn serve(
    listener: TcpListener,
    router: Router,
    tracker: TaskTracker,
    shutdown: &CancellationToken,
    grace: Duration,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let abort = CancellationToken::new();
    loop {
        let accept = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept => accepted,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file handles, mostly: give connections time to end.
                warn!(%error, "admin API: cannot accept a connection");
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(Duration::from_millis(100)) => continue,
                }
            }
        };
        let connection = connection(stream, router.clone(), shutdown.clone(), abort.clone());
        tracker.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(grace, tracker.wait()).await.is_err() {
        warn!("admin API: what was still under way at shutdown was cut off");
    }
    abort.cancel();
}

async fn connection(
    stream: TcpStream,
    router: Router,
    shutdown: CancellationToken,
    abort: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = TowerToHyperService::new(router);
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection => result,
                () = abort.cancelled() => return,
            }
        }
    };
    if let Err(error) = result {
        debug!(%error, "admin API: a connection ended badly");
    }
}
