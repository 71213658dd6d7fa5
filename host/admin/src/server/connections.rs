//! The accept loop: bounded in connections, and with an end that finishes what is in flight.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::{Extension, Router};
use hyper::server::conn::http1::Builder;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use spanmill_net::tls::TlsServer;
use spanmill_net::{Seat, Seats, accept};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
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

/// A connection from somebody who may connect.
enum Socket {
    Plain(Stream),
    Tls {
        socket: TcpStream,
        peer: SocketAddr,
        tls: TlsServer,
    },
}

/// What requests are read from.
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
    while let Some(accepted) = accept("admin API", shutdown, || next(&listener, &strangers)).await {
        let Some((socket, from)) = accepted else {
            continue;
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
            socket,
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
async fn next(listener: &Listener, strangers: &Strangers) -> io::Result<Option<(Socket, From)>> {
    match listener {
        Listener::Address { listener, tls } => {
            let (socket, peer) = listener.accept().await?;
            if let Err(error) = socket.set_nodelay(true) {
                debug!(%error, "cannot set TCP_NODELAY");
            }
            let socket = match tls.clone() {
                Some(tls) => Socket::Tls { socket, peer, tls },
                None => Socket::Plain(Box::new(socket)),
            };
            Ok(Some((socket, From::Address(peer.ip()))))
        }
        Listener::Socket { listener, .. } => {
            let (stream, _) = listener.accept().await?;
            let user = stream.peer_cred().ok().map(|who| who.uid());
            if user.is_some_and(spanmill_private::is_trusted) {
                return Ok(Some((Socket::Plain(Box::new(stream)), From::Owner)));
            }
            strangers.wrong_user(user, Instant::now());
            Ok(None)
        }
    }
}

/// The stream of a connection, after its handshake if there is one; `None` if that failed.
async fn open(socket: Socket) -> Option<Stream> {
    match socket {
        Socket::Plain(stream) => Some(stream),
        Socket::Tls { socket, peer, tls } => {
            let stream = tls.accept(socket, peer, |socket| socket).await?;
            Some(Box::new(stream))
        }
    }
}

async fn connection(
    socket: Socket,
    router: Router,
    seat: Seat,
    shutdown: CancellationToken,
    abort: CancellationToken,
) {
    let stream = tokio::select! {
        stream = open(socket) => stream,
        () = seat.must_leave() => None,
        () = shutdown.cancelled() => None,
    };
    let Some(stream) = stream else { return };
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
