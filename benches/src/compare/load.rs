//! The load generator: several connections, in a closed loop to saturate and in an open one to time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::uri::PathAndQuery;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use spanmill_net::RawCodec;
use spanmill_otlp::Signal;
use tokio::task::JoinSet;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};

use super::batches::Batches;
use super::endpoints::method;

/// Requests under way in the closed loop, unless something else is looked at: more than any contestant works on at once.
pub const STREAMS: usize = 8;
const WINDOW: u32 = 8 << 20;
/// Requests under way in the open loop, at most.
const BEHIND: usize = 2000;
/// What is so late will not come.
const STUCK: Duration = Duration::from_secs(20);

/// How batches travel, to the contestant and from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wire {
    pub http: bool,
    pub zstd: bool,
    /// From the generator, over gRPC. HTTP/1.1 takes as many as there are requests under way.
    pub connections: usize,
}

/// How batches travel unless something else is looked at.
pub const GRPC: Wire = Wire {
    http: false,
    zstd: false,
    connections: 4,
};

impl std::fmt::Display for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.http { "HTTP" } else { "gRPC" })?;
        f.write_str(if self.zstd { ", zstd" } else { "" })?;
        match self.connections {
            1 => f.write_str(", 1 connection"),
            connections if connections != GRPC.connections => {
                write!(f, ", {connections} connections")
            }
            _ => Ok(()),
        }
    }
}

#[derive(Clone)]
enum Sender {
    Grpc(Channel, PathAndQuery, bool),
    Http(Client<HttpConnector, Full<Bytes>>, http::Uri),
    HttpZstd(Client<HttpConnector, Full<Bytes>>, http::Uri),
}

impl Sender {
    async fn send(&self, batch: Bytes) -> Result<()> {
        match self {
            Sender::Grpc(channel, path, zstd) => {
                let mut grpc = tonic::client::Grpc::new(channel.clone());
                if *zstd {
                    // The Collector answers in kind.
                    grpc = grpc
                        .send_compressed(CompressionEncoding::Zstd)
                        .accept_compressed(CompressionEncoding::Zstd);
                }
                grpc.ready().await?;
                let request = tonic::Request::new(batch);
                let answer = grpc
                    .unary(request, path.clone(), RawCodec)
                    .await?
                    .into_inner();
                // Whoever took everything has nothing to say.
                ensure!(answer.len() <= 2, "partial success: {answer:?}");
            }
            Sender::Http(client, uri) => post(client, uri, batch, None).await?,
            Sender::HttpZstd(client, uri) => {
                let batch = zstd::encode_all(batch.as_ref(), 1)?;
                post(client, uri, batch.into(), Some("zstd")).await?;
            }
        }
        Ok(())
    }
}

async fn post(
    client: &Client<HttpConnector, Full<Bytes>>,
    uri: &http::Uri,
    batch: Bytes,
    encoding: Option<&str>,
) -> Result<()> {
    let mut request =
        http::Request::post(uri.clone()).header("content-type", "application/x-protobuf");
    if let Some(encoding) = encoding {
        request = request.header("content-encoding", encoding);
    }
    let response = client.request(request.body(Full::new(batch))?).await?;
    let status = response.status();
    response.into_body().collect().await?;
    ensure!(status.is_success(), "{status}");
    Ok(())
}

/// Connections to one contestant.
pub struct Load {
    senders: Vec<Sender>,
}

impl Load {
    /// Connects, as soon as the other side listens.
    pub async fn connect(address: SocketAddr, signal: Signal, wire: Wire) -> Result<Self> {
        let mut senders = Vec::new();
        for _ in 0..wire.connections {
            senders.push(if wire.http {
                let mut connector = HttpConnector::new();
                connector.set_nodelay(true);
                let client = Client::builder(TokioExecutor::new()).build(connector);
                let uri = format!("http://{address}/v1/{}", signal.name()).parse()?;
                match wire.zstd {
                    true => Sender::HttpZstd(client, uri),
                    false => Sender::Http(client, uri),
                }
            } else {
                let endpoint = Endpoint::from_shared(format!("http://{address}"))?
                    .tcp_nodelay(true)
                    .initial_stream_window_size(WINDOW)
                    .initial_connection_window_size(WINDOW);
                let path = PathAndQuery::from_static(method(signal));
                Sender::Grpc(endpoint.connect().await?, path, wire.zstd)
            });
        }
        Ok(Load { senders })
    }

    /// One batch, taken.
    pub async fn send(&self, batch: Bytes) -> Result<()> {
        self.senders[0].send(batch).await
    }

    /// As fast as batches are taken, for so long, with so many under way. Returns how many were taken; they are the first ones.
    pub async fn saturate(
        &self,
        batches: &Arc<Batches>,
        slice: Duration,
        streams: usize,
    ) -> Result<usize> {
        let next = Arc::new(AtomicUsize::new(0));
        let until = Instant::now() + slice;
        let mut tasks = JoinSet::new();
        for stream in 0..streams {
            let sender = self.senders[stream % self.senders.len()].clone();
            let (batches, next) = (Arc::clone(batches), Arc::clone(&next));
            tasks.spawn(async move {
                while Instant::now() < until {
                    let number = next.fetch_add(1, SeqCst);
                    sender.send(batches.get(number)).await?;
                }
                anyhow::Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        Ok(next.load(SeqCst))
    }

    /// A batch every `interval`, whether the ones before are answered or not, for so long. Gives the time from when
    /// each was due until it was answered.
    pub async fn paced(
        &self,
        batches: &Arc<Batches>,
        interval: Duration,
        slice: Duration,
    ) -> Result<Vec<Duration>> {
        let number = (slice.as_secs_f64() / interval.as_secs_f64()).ceil() as usize;
        let (senders, batches) = (self.senders.clone(), Arc::clone(batches));
        let runtime = tokio::runtime::Handle::current();
        let answered = Arc::new(AtomicUsize::new(0));
        // A thread's sleep is finer than the runtime's timer.
        let sending = tokio::task::spawn_blocking(move || {
            let begun = Instant::now();
            let mut tasks = Vec::with_capacity(number);
            for number in 0..number {
                let due = begun + interval.mul_f64(number as f64);
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                // Memory is bounded; the wait counts, as what is late is late from when it was due.
                while number - answered.load(SeqCst) >= BEHIND {
                    ensure!(due.elapsed() < STUCK, "half load is too much");
                    std::thread::sleep(Duration::from_millis(1));
                }
                let sender = senders[number % senders.len()].clone();
                let (batch, answered) = (batches.get(number), Arc::clone(&answered));
                tasks.push(runtime.spawn(async move {
                    sender.send(batch).await?;
                    answered.fetch_add(1, SeqCst);
                    anyhow::Ok(due.elapsed())
                }));
            }
            Ok(tasks)
        });
        let mut times = Vec::with_capacity(number);
        for task in sending.await?? {
            times.push(task.await?.context("at half load")?);
        }
        Ok(times)
    }
}
