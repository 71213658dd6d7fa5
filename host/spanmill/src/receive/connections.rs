//! The accept loop, for both protocols: bounded in connections, and with an end that finishes what is in flight.

use std::convert::Infallible;
use std::future::Future;
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
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::reads::Reads;

/// Connections at once; further ones wait in the system's backlog.
const MAX_CONNECTIONS: usize = 4096;
/// Default windows of 64 KiB cost up to half of a large batch's network time.
const WINDOW: u32 = 8 * 1024 * 1024;
/// The largest HTTP/2 frame that senders are offered, so that most batches come as one and are never copied; the usual
/// 16 KiB make 28 of a batch of a thousand spans.
const FRAME: u32 = 1024 * 1024;
/// Requests at once on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;
/// A client that does not finish its headers goes.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Which protocol a connection speaks.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Protocol {
    /// HTTP/2 only.
    Grpc,
    /// HTTP/1.1 or HTTP/2.
    Http,
}

/// Answers requests. A request that cannot be served gets an answer as well.
pub(crate) trait Answer: Clone + Send + Sync + 'static {
    type Body: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// Serves until `shutdown` and `grace` longer; returns how many connections were cut off then.
pub(crate) async fn serve<A: Answer>(
    listener: TcpListener,
    protocol: Protocol,
    answer: A,
    shutdown: &CancellationToken,
    grace: Duration,
) -> usize {
    let builder = Arc::new(builder(protocol));
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let tracker = TaskTracker::new();
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
                warn!(%error, "cannot accept a connection");
                tokio::select! {
                    () = shutdown.cancelled() => break,
                    () = tokio::time::sleep(Duration::from_millis(100)) => continue,
                }
            }
        };
        let builder = Arc::clone(&builder);
        let connection = connection(
            stream,
            builder,
            answer.clone(),
            shutdown.clone(),
            abort.clone(),
        );
        tracker.spawn(async move {
            connection.await;
            drop(permit);
        });
    }
    drop(listener);
    tracker.close();
    let finished = tokio::time::timeout(grace, tracker.wait()).await;
    let left = match finished {
        Ok(()) => 0,
        Err(_) => tracker.len(),
    };
    abort.cancel();
    tracker.wait().await;
    left
}

fn builder(protocol: Protocol) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    if let Protocol::Grpc = protocol {
        builder = builder.http2_only();
    }
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_concurrent_streams(MAX_STREAMS)
        // Finds out about peers that vanished.
        .keep_alive_interval(Duration::from_secs(60))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

async fn connection<A: Answer>(
    stream: TcpStream,
    builder: Arc<Builder<TokioExecutor>>,
    answer: A,
    shutdown: CancellationToken,
    abort: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "cannot set TCP_NODELAY");
    }
    let service = service_fn(move |request| {
        let answer = answer.clone();
        async move { Ok::<_, Infallible>(answer.answer(request).await) }
    });
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Reads::new(stream)), service));
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
        debug!(error, "a connection ended badly");
    }
}
