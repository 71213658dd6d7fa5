//! Request bodies: read and decompressed, and never larger than they may be.

use std::io::{self, Read};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use thiserror::Error;

use crate::otlp_json::JsonError;

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

/// Why a body cannot be used.
#[derive(Debug, Error)]
pub(super) enum BodyError {
    #[error("the body is larger than {0} bytes; send smaller batches")]
    TooLarge(usize),
    #[error("the content encoding is not known; use gzip, zstd, deflate or none")]
    Encoding,
    #[error("the body ended early")]
    Read,
    #[error("the body is not valid {0}")]
    Corrupt(&'static str),
    #[error(transparent)]
    Json(JsonError),
    #[error("the body could not be decoded")]
    Failed,
}

/// Reads a body whole; stops as soon as it is too large.
pub(super) async fn read(mut body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > limit {
        tokio::spawn(discard(body));
        return Err(BodyError::TooLarge(limit));
    }
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Read)?.into_data() else {
            continue;
        };
        let so_far = first.as_ref().map_or(0, Bytes::len) + rest.len();
        if data.len() > limit.saturating_sub(so_far) {
            tokio::spawn(discard(body));
            return Err(BodyError::TooLarge(limit));
        }
        match &first {
            // A body that came in one piece is not copied.
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
        Some(only) if rest.is_empty() => Ok(only),
        _ => Ok(rest.freeze()),
    }
}

/// Reads a body to its end, for nobody.
async fn discard(mut body: Incoming) {
    // Out of time: dropping the body closes the connection.
    let _ = tokio::time::timeout(LINGER, async {
        while let Some(Ok(_)) = body.frame().await {}
    })
    .await;
}

/// Decompresses a body; stops as soon as it is too large.
pub(super) fn decompress(
    bytes: Bytes,
    encoding: Encoding,
    limit: usize,
) -> Result<Bytes, BodyError> {
    let corrupt = || BodyError::Corrupt(encoding.name());
    let decompressed = match encoding {
        Encoding::Identity => return Ok(bytes),
        Encoding::Gzip => bounded(MultiGzDecoder::new(bytes.as_ref()), limit),
        Encoding::Deflate => bounded(ZlibDecoder::new(bytes.as_ref()), limit),
        Encoding::Zstd => {
            let mut decoder =
                zstd::stream::read::Decoder::new(bytes.as_ref()).map_err(|_| corrupt())?;
            // A frame may ask for a window of gigabytes: 8 MiB is what the format recommends to support.
            decoder.window_log_max(23).map_err(|_| BodyError::Failed)?;
            bounded(decoder, limit)
        }
    };
    let decompressed = decompressed.map_err(|_| corrupt())?;
    if decompressed.len() > limit {
        return Err(BodyError::TooLarge(limit));
    }
    Ok(Bytes::from(decompressed))
}

/// Reads one byte more than allowed, which tells too much from just enough.
fn bounded(reader: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut decompressed = Vec::new();
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(bound).read_to_end(&mut decompressed)?;
    Ok(decompressed)
}
