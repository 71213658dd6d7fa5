//! The accept loop, for both protocols: bounded in connections, each with its limits in time, and with an end that
//! finishes what is in flight.

mod table;
mod watched;

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use spanmill_faults::panics::Contained;

use crate::accept::accept;
use crate::bind::Bound;
use crate::gathered::Gathered;
use crate::reads::Reads;
use crate::tls::TlsServer;
use table::{Connection, ConnectionTable, Place};
use watched::{WatchedBody, WatchedStream};

/// Default windows of 64 KiB cost up to half of a large batch's network time.
const WINDOW: u32 = 8 * 1024 * 1024;
/// The largest HTTP/2 frame that senders are offered, so that most batches come as one and are never copied; the usual
/// 16 KiB make 28 of a batch of a thousand spans.
const FRAME: u32 = 1024 * 1024;
/// A connection that was told to end and has nothing under way is closed so much later.
const LINGER: Duration = Duration::from_secs(1);
/// How long to wait at most before the next look at a connection's limits.
const LOOK: Duration = Duration::from_secs(5);

/// How long connections may take for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// For the head of a request, from its first byte on, and for the first request.
    pub header: Duration,
    /// For taking any of an answer.
    pub write: Duration,
    /// Without a request.
    pub idle: Option<Duration>,
    /// Altogether.
    pub age: Option<Duration>,
    /// After that, for the requests under way; `None`: as long as they need.
    pub age_grace: Option<Duration>,
    /// Between two pings, to find out about peers that vanished (HTTP/2).
    pub ping_interval: Duration,
    /// For the answer to a ping.
    pub ping_timeout: Duration,
    /// Requests at once (HTTP/2).
    pub streams: u32,
    /// Whether a connection serves more than one request (HTTP/1).
    pub keep_alive: bool,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            header: Duration::from_secs(30),
            write: Duration::from_secs(30),
            idle: None,
            age: None,
            age_grace: None,
            ping_interval: Duration::from_secs(60),
            ping_timeout: Duration::from_secs(20),
            streams: 256,
            keep_alive: true,
        }
    }
}

/// Which protocol a connection speaks.
#[derive(Clone, Copy, Debug)]
pub enum Protocol {
    /// HTTP/2 only.
    Grpc,
    /// HTTP/1.1 or HTTP/2.
    Http,
}

/// Answers requests. A request that cannot be served gets an answer as well.
pub trait Answer: Clone + Send + Sync + 'static {
    /// The body of its answers.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + Unpin
        + 'static;

    /// Answers a request of a peer.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// What all connections of a listener share.
struct Server {
    builder: Builder<TokioExecutor>,
    limits: ConnectionLimits,
    /// Whether answers that are due at once leave in one write.
    gathers: bool,
    tls: Option<TlsServer>,
    shutdown: CancellationToken,
    abort: CancellationToken,
}

/// Serves until `shutdown` and `grace` longer; returns how many connections were cut off then.
pub async fn serve<A: Answer>(
    bound: Bound,
    protocol: Protocol,
    limits: ConnectionLimits,
    answer: A,
    shutdown: &CancellationToken,
    grace: Duration,
) -> usize {
    let Bound {
        listener,
        component,
        tls,
        ..
    } = bound;
    let server = Arc::new(Server {
        builder: builder(protocol, &limits),
        limits,
        gathers: matches!(protocol, Protocol::Grpc),
        tls,
        shutdown: shutdown.clone(),
        abort: CancellationToken::new(),
    });
    let table = ConnectionTable::of_process();
    let tracker = TaskTracker::new();
    while let Some((stream, peer)) = accept(&component, shutdown, || listener.accept()).await {
        let Some(place) = table.admit(peer.ip()) else {
            continue;
        };
        let connection = connection(stream, peer, Arc::clone(&server), answer.clone(), place);
        tracker.spawn(Contained::new(connection));
    }
    drop(listener);
    tracker.close();
    let finished = tokio::time::timeout(grace, tracker.wait()).await;
    let left = match finished {
        Ok(()) => 0,
        Err(_) => tracker.len(),
    };
    server.abort.cancel();
    tracker.wait().await;
    left
}

fn builder(protocol: Protocol, limits: &ConnectionLimits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    if let Protocol::Grpc = protocol {
        builder = builder.http2_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        .keep_alive(limits.keep_alive)
        .header_read_timeout(limits.header);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_concurrent_streams(limits.streams)
        .keep_alive_interval(limits.ping_interval)
        .keep_alive_timeout(limits.ping_timeout);
    builder
}

async fn connection<A: Answer>(
    stream: TcpStream,
    peer: SocketAddr,
    server: Arc<Server>,
    answer: A,
    place: Place,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    let known = &place.connection;
    let watched = |stream| Reads::new(WatchedStream::new(stream, Arc::clone(known)));
    match &server.tls {
        None => requests(watched(stream), &server, answer, peer.ip(), known).await,
        // Boxed, so that connections in plain text do not have its size.
        Some(tls) => {
            Box::pin(async {
                let secured = tokio::select! {
                    secured = tls.accept(stream, peer, watched) => secured,
                    () = known.end.cancelled() => None,
                    () = server.shutdown.cancelled() => None,
                };
                if let Some(secured) = secured {
                    requests(secured, &server, answer, peer.ip(), known).await;
                }
            })
            .await;
        }
    }
}

/// Serves the requests of a connection.
async fn requests<S, A>(
    stream: S,
    server: &Server,
    answer: A,
    peer: IpAddr,
    known: &Arc<Connection>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Answer,
{
    let Server {
        builder,
        limits,
        gathers,
        shutdown,
        abort,
        ..
    } = server;
    let of_request = Arc::clone(known);
    let service = service_fn(move |request| {
        let answer = answer.clone();
        let active = of_request.begin();
        async move {
            let response = answer.answer(request, peer).await;
            Ok::<_, Infallible>(response.map(|body| WatchedBody::new(body, active)))
        }
    });
    // Above TLS, whose alerts are not to wait.
    let stream = TokioIo::new(Gathered::if_many(stream, *gathers));
    let mut serving = pin!(builder.serve_connection(stream, service));
    let mut cut_off: Option<CutOff> = None;
    let result = loop {
        let is_ending = cut_off.is_some();
        let ending = tokio::select! {
            result = serving.as_mut() => break result,
            () = abort.cancelled() => return,
            () = shutdown.cancelled(), if !is_ending => Ending::Shutdown,
            // Another one needs its place, now.
            () = known.end.cancelled(), if !is_ending => match known.is_active() {
                true => Ending::Idle,
                false => return,
            },
            () = tokio::time::sleep(next_look(known, limits)) => match over(known, limits, cut_off) {
                None => continue,
                Some(Ending::Now) => return,
                Some(_) if is_ending => continue,
                Some(ending) => ending,
            },
        };
        serving.as_mut().graceful_shutdown();
        let now = Instant::now();
        cut_off = Some(CutOff {
            at: match ending {
                Ending::Idle => now.checked_add(LINGER),
                Ending::Age => limits.age_grace.and_then(|grace| now.checked_add(grace)),
                // The grace period ends it.
                Ending::Shutdown | Ending::Now => None,
            },
            is_patient: ending == Ending::Idle,
        });
    };
    if let Err(error) = result {
        debug!(error, "a connection ended badly");
    }
}

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// The process ends: requests under way have the grace period.
    Shutdown,
    /// It has had nothing to do for too long, or another one needs its place.
    Idle,
    /// It is too old.
    Age,
    /// It has had its time.
    Now,
}

/// When a connection that was told to end is closed.
#[derive(Clone, Copy, Debug)]
struct CutOff {
    /// `None`: when it ends by itself.
    at: Option<Instant>,
    /// Whether requests that have begun meanwhile are finished.
    is_patient: bool,
}

/// Which limit of a connection is reached, if one is.
fn over(
    connection: &Connection,
    limits: &ConnectionLimits,
    cut_off: Option<CutOff>,
) -> Option<Ending> {
    if let Some(CutOff {
        at: Some(at),
        is_patient,
    }) = cut_off
        && Instant::now() >= at
        && !(is_patient && connection.is_active())
    {
        return Some(Ending::Now);
    }
    if connection.blocked_for() >= limits.write {
        return Some(Ending::Now);
    }
    if !connection.has_been_used() && connection.age() >= limits.header {
        return Some(Ending::Now);
    }
    if limits.age.is_some_and(|age| connection.age() >= age) {
        return Some(Ending::Age);
    }
    let is_idle = !connection.is_active()
        && limits
            .idle
            .is_some_and(|idle| connection.idle_for() >= idle);
    is_idle.then_some(Ending::Idle)
}

/// When to look at the limits again: often enough that none is missed by much.
fn next_look(connection: &Connection, limits: &ConnectionLimits) -> Duration {
    let mut next = LOOK;
    let mut by = |left: Duration| next = next.min(left.max(Duration::from_millis(50)));
    by(limits.write / 4);
    if !connection.has_been_used() {
        by(limits.header.saturating_sub(connection.age()));
    }
    if let Some(idle) = limits.idle {
        by(idle.saturating_sub(connection.idle_for()));
    }
    if let Some(age) = limits.age {
        by(age.saturating_sub(connection.age()));
    }
    if connection.end.is_cancelled() {
        by(LINGER);
    }
    next
}
