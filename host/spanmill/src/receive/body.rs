//! Request bodies: read and decompressed, never larger or slower than they may be, and counted against the memory of
//! requests under way from their first byte on.

use std::future::poll_fn;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http_body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use thiserror::Error;
use tokio::time::Instant;

use super::Received;
use crate::memory::{Reservation, Shortage};
use crate::otlp_json::JsonError;
use spanmill_model::Signal;

/// How long the rest of a body that is too large is read on and thrown away. A connection closed at once would be
/// reset, and a sender that is still writing would never see the answer.
const LINGER: Duration = Duration::from_secs(30);

/// How a body is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
    Deflate,
}

impl Encoding {
    fn name(self) -> &'static str {
        match self {
            Encoding::Identity => "identity",
            Encoding::Gzip => "gzip",
            Encoding::Zstd => "zstd",
            Encoding::Deflate => "deflate",
        }
    }
}

impl BodyError {
    /// Whether the rest of the body is not wanted.
    pub(super) fn is_about_size(&self) -> bool {
        matches!(
            self,
            BodyError::TooLarge(_) | BodyError::BeyondMemory { .. } | BodyError::NoRoom
        )
    }
}

impl From<Shortage> for BodyError {
    fn from(shortage: Shortage) -> Self {
        match shortage {
            Shortage::ForNow => BodyError::NoRoom,
            Shortage::ForGood { wanted, total } => BodyError::BeyondMemory {
                wanted_mib: (wanted as u64).div_ceil(1 << 20),
                limit_mib: total >> 20,
            },
        }
    }
}

/// Why a body cannot be used.
#[derive(Debug, Error)]
pub(super) enum BodyError {
    #[error("the body is larger than {0} bytes; send smaller batches")]
    TooLarge(usize),
    #[error("the content encoding is not known; use gzip, zstd, deflate or none")]
    Encoding,
    #[error("the body ended early")]
    Read,
    #[error("the body came too slowly")]
    Slow,
    #[error("requests under way hold all the memory they may")]
    NoRoom,
    #[error(
        "reading the request takes about {wanted_mib} MiB, and limits.in_flight_mib is {limit_mib}; send smaller ones"
    )]
    BeyondMemory { wanted_mib: u64, limit_mib: u64 },
    #[error("the body is not valid {0}")]
    Corrupt(&'static str),
    #[error(transparent)]
    Json(JsonError),
    #[error("the body could not be decoded")]
    Failed,
}

/// A sender may take this long whatever it sends ...
const PACE_GRACE: Duration = Duration::from_secs(20);
/// ... and a second longer for each so many bytes.
const PACE_BYTES_A_SECOND: u64 = 4096;
/// Bodies below this size are copied out of the buffer they came in.
const SMALL: usize = 64 * 1024;
/// Memory is reserved in steps of so many bytes.
const STEP: usize = 64 * 1024;

/// A body as it comes in.
pub(super) struct Incomings<B> {
    body: B,
    memory: Reservation,
    received: usize,
    started: Instant,
    /// How long the whole body may take, if the manifest says so.
    timeout: Option<Duration>,
}

impl<B: Body<Data = Bytes> + Unpin> Incomings<B> {
    pub fn new(body: B, memory: Reservation, timeout: Option<Duration>) -> Self {
        Incomings {
            body,
            memory,
            received: 0,
            started: Instant::now(),
            timeout,
        }
    }

    /// How long the next data may be waited for.
    fn patience(&self) -> Duration {
        let paid = u64::try_from(self.received).unwrap_or(u64::MAX) / PACE_BYTES_A_SECOND;
        let pace = PACE_GRACE.saturating_add(Duration::from_secs(paid));
        let limit = self.timeout.map_or(pace, |timeout| timeout.min(pace));
        limit.saturating_sub(self.started.elapsed())
    }

    /// The next data, for which memory is reserved; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, BodyError> {
        loop {
            // Mostly it is there already, and no clock is looked at.
            let frame = match poll_once(self.body.frame()).await {
                Poll::Ready(frame) => frame,
                Poll::Pending => tokio::time::timeout(self.patience(), self.body.frame())
                    .await
                    .map_err(|_| BodyError::Slow)?,
            };
            let Some(frame) = frame else { return Ok(None) };
            let Ok(data) = frame.map_err(|_| BodyError::Read)?.into_data() else {
                continue;
            };
            self.received = self.received.saturating_add(data.len());
            self.memory
                .grow_to(self.received.saturating_add(STEP - 1) / STEP * STEP)?;
            return Ok(Some(data));
        }
    }

    /// Gives back the rest of the body, and what is reserved.
    pub fn into_parts(self) -> (B, Reservation) {
        (self.body, self.memory)
    }
}

/// Polls a future once.
async fn poll_once<F: Future + Unpin>(mut future: F) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut future).poll(cx))).await
}

/// Reads a body whole; stops as soon as it is too large.
pub(super) async fn read(
    signal: Signal,
    body: Incoming,
    limit: usize,
    memory: Reservation,
    timeout: Option<Duration>,
) -> Result<Received, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        tokio::spawn(discard(body));
        return Err(BodyError::TooLarge(limit));
    }
    let mut incoming = Incomings::new(body, memory, timeout);
    match collect(&mut incoming, limit, announced).await {
        Ok(bytes) => {
            let (_, memory) = incoming.into_parts();
            Ok(Received::new(signal, bytes, memory))
        }
        Err(error) => {
            let (body, memory) = incoming.into_parts();
            drop(memory);
            if error.is_about_size() {
                tokio::spawn(discard(body));
            }
            Err(error)
        }
    }
}

async fn collect(
    incoming: &mut Incomings<Incoming>,
    limit: usize,
    announced: usize,
) -> Result<Bytes, BodyError> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(data) = incoming.next().await? {
        let so_far = first.as_ref().map_or(0, Bytes::len) + rest.len();
        if data.len() > limit.saturating_sub(so_far) {
            return Err(BodyError::TooLarge(limit));
        }
        match &first {
            // A large body that came in one piece is not copied.
            None => first = Some(data),
            Some(start) => {
                if rest.is_empty() {
                    // An announced length is believed up to a point only: the memory is spent before the bytes come.
                    rest.reserve(announced.clamp(start.len() + data.len(), 1024 * 1024));
                    rest.extend_from_slice(start);
                    first = Some(Bytes::new());
                }
                rest.extend_from_slice(&data);
            }
        }
    }
    match first {
        Some(only) if rest.is_empty() => Ok(unpinned(only)),
        _ => Ok(rest.freeze()),
    }
}

/// A body that came in one piece, without what it keeps in memory besides: it lies in the buffer that its connection was read
/// into, headers and all. A large one fills most of that, and is not copied.
pub(super) fn unpinned(body: Bytes) -> Bytes {
    match body.len() < SMALL {
        true => Bytes::copy_from_slice(&body),
        false => body,
    }
}

/// Reads a body to its end, for nobody.
pub(super) async fn discard(mut body: Incoming) {
    // Out of time: dropping the body closes the connection.
    let _ = tokio::time::timeout(LINGER, async {
        while let Some(Ok(_)) = body.frame().await {}
    })
    .await;
}

/// Decompresses a request; stops as soon as it is too large. Memory is reserved for what comes out before it does.
pub(super) fn decompress(
    request: Received,
    encoding: Encoding,
    limit: usize,
) -> Result<Received, BodyError> {
    let Received {
        signal,
        bytes,
        memory,
        metadata,
        transport,
        caller,
    } = request;
    let corrupt = || BodyError::Corrupt(encoding.name());
    let compressed = bytes.as_ref();
    let mut out = Decompressed {
        bytes: Vec::new(),
        before: compressed.len(),
        memory,
        limit,
    };
    match encoding {
        Encoding::Identity => {
            let memory = out.memory;
            return Ok(Received {
                signal,
                bytes,
                memory,
                metadata,
                transport,
                caller,
            });
        }
        Encoding::Gzip => out.fill(MultiGzDecoder::new(compressed), corrupt)?,
        Encoding::Deflate => out.fill(ZlibDecoder::new(compressed), corrupt)?,
        Encoding::Zstd => {
            let mut decoder =
                zstd::stream::read::Decoder::new(compressed).map_err(|_| corrupt())?;
            // A frame may ask for a window of gigabytes: 8 MiB is what the format recommends to support.
            decoder.window_log_max(23).map_err(|_| BodyError::Failed)?;
            out.fill(decoder, corrupt)?;
        }
    }
    let Decompressed {
        bytes, mut memory, ..
    } = out;
    // The compressed bytes go now.
    memory.shrink_to(bytes.len());
    Ok(Received {
        signal,
        bytes: bytes.into(),
        memory,
        metadata,
        transport,
        caller,
    })
}

struct Decompressed {
    bytes: Vec<u8>,
    /// The size of what it is made of, for which memory is reserved already.
    before: usize,
    memory: Reservation,
    limit: usize,
}

impl Decompressed {
    fn fill(
        &mut self,
        mut reader: impl Read,
        corrupt: impl Fn() -> BodyError,
    ) -> Result<(), BodyError> {
        let mut piece = vec![0; STEP];
        loop {
            let read = match reader.read(&mut piece) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(corrupt()),
            };
            if read > self.limit.saturating_sub(self.bytes.len()) {
                return Err(BodyError::TooLarge(self.limit));
            }
            let fresh = piece.get(..read).unwrap_or_default();
            if self.bytes.capacity() - self.bytes.len() < read {
                // What a growing vector holds, old and new, while it is moved.
                let grown = self.bytes.capacity().saturating_mul(2).max(STEP);
                let held = self.before.saturating_add(grown.min(self.limit));
                self.memory.grow_to(held)?;
            }
            self.bytes.extend_from_slice(fresh);
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{SMALL, unpinned};

    #[test]
    fn a_small_body_does_not_keep_the_buffer_that_it_came_in() {
        let read = Bytes::from(vec![7; 2 * SMALL]);
        let lies_in = |body: &Bytes| read.as_ptr_range().contains(&body.as_ptr());
        let small = unpinned(read.slice(100..200));
        assert!(small == read.slice(..100) && !lies_in(&small));
        assert!(lies_in(&unpinned(read.slice(..SMALL))));
    }
}
