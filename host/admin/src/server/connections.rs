//! The accept loop: bounded in connections, and with an end that finishes what is in flight.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::{Extension, Router};
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use spanmill_net::{Seat, Seats};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::bind::Listener;
use super::guard::From;
use super::strangers::Strangers;

/// Connections at once, each with one request at a time; further ones wait in the system's backlog.
const MAX_CONNECTIONS: usize = 64;
/// A client that does not finish its headers goes, and so does one that has nothing more to ask.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// A stream that was accepted, from somebody who may connect.
type Stream = Box<dyn Duplex>;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Serves until `shutdown`, and until connections and `tracker`'s commands have ended, but no longer than `grace`.
pub(super) async fn serve(
    listener: Listener,
    router: Router,
    strangers: Arc<Strangers>,
    tracker: TaskTracker,
    shutdown: &CancellationToken,
    grace: Duration,
) {
    let seats = Arc::new(Seats::new(MAX_CONNECTIONS));
    let abort = CancellationToken::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &strangers) => accepted,
        };
        let (stream, from) = match accepted {
            Ok(Some(accepted)) => accepted,
            Ok(None) => continue,
            Err(error) => {
                // Out of file handles, mostly: give connections time to end.
                warn!(%error, "admin API: cannot accept a connection");
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(Duration::from_millis(100)) => continue,
                }
            }
        };
        let seat = tokio::select! {
            seat = seats.take() => seat,
            () = shutdown.cancelled() => break,
        };
        let router = router
            .clone()
            .layer(Extension(from))
            .layer(Extension(seat.clone()));
        let connection = connection(
            stream,
            router,
            seat.clone(),
            shutdown.clone(),
            abort.clone(),
        );
        let seats = Arc::clone(&seats);
        tracker.spawn(async move {
            connection.await;
            seats.give_back(&seat);
        });
    }
    drop(listener);
    tracker.close();
    if tokio::time::timeout(grace, tracker.wait()).await.is_err() {
        warn!("admin API: what was still under way at shutdown was cut off");
    }
    abort.cancel();
}

/// The next connection; `None` if it is not let in.
async fn accept(listener: &Listener, strangers: &Strangers) -> io::Result<Option<(Stream, From)>> {
    match listener {
        Listener::Address(listener) => {
            let (stream, from) = listener.accept().await?;
            if let Err(error) = stream.set_nodelay(true) {
                debug!(%error, "cannot set TCP_NODELAY");
            }
            Ok(Some((Box::new(stream), From::Address(from.ip()))))
        }
        Listener::Socket { listener, .. } => {
            let (stream, _) = listener.accept().await?;
            let user = stream.peer_cred().ok().map(|who| who.uid());
            if user.is_some_and(spanmill_private::is_trusted) {
                return Ok(Some((Box::new(stream), From::Owner)));
            }
            strangers.wrong_user(user, Instant::now());
            Ok(None)
        }
    }
}

async fn connection(
    stream: Stream,
    router: Router,
    seat: Seat,
    shutdown: CancellationToken,
    abort: CancellationToken,
) {
    let service = TowerToHyperService::new(router);
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = seat.must_leave() => return,
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
