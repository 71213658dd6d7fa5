//! Plugin files on their way in: read whole, and never larger or slower than they may be.

use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use crate::problem::Problem;

/// The largest plugin file; larger than any that is of use.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;
/// How long an upload may take: there is room for a few at a time.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long it may pause.
pub(crate) const IDLE: Duration = Duration::from_secs(5);
/// How long the rest of a body that is not wanted is read on and thrown away. A connection closed at once would be
/// reset, and a sender that is still writing would never see the answer.
const LINGER: Duration = Duration::from_secs(10);
/// An announced length is believed up to a point only: the memory is spent before the bytes come.
const MAX_RESERVE: usize = 1024 * 1024;

/// Reads a request's body as a plugin file, if the parameters beside it are right.
pub(super) async fn read<P>(
    parameters: Result<P, Problem>,
    request: Request,
) -> Result<(P, Bytes), Problem> {
    let (parts, body) = request.into_parts();
    let parameters = match parameters {
        Ok(parameters) => parameters,
        Err(problem) => {
            discard(body);
            return Err(problem);
        }
    };
    if !is_wasm(&parts.headers) {
        discard(body);
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "send the plugin's file as it is, with `Content-Type: application/wasm`",
        ));
    }
    let collected = tokio::time::timeout(TIMEOUT, collect(body)).await;
    let wasm = collected.unwrap_or_else(|_| Err(too_slow("took longer than", TIMEOUT)))?;
    if wasm.is_empty() {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "the body is empty; send the plugin's file",
        ));
    }
    Ok((parameters, wasm))
}

fn is_wasm(headers: &HeaderMap) -> bool {
    let essence = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next());
    let as_it_is = headers
        .get(CONTENT_ENCODING)
        .is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    as_it_is && essence.is_some_and(|text| text.trim().eq_ignore_ascii_case("application/wasm"))
}

async fn collect(mut body: Body) -> Result<Bytes, Problem> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > MAX_BYTES {
        return Err(too_large(body));
    }
    let mut wasm = BytesMut::with_capacity(announced.min(MAX_RESERVE));
    loop {
        let frame = tokio::time::timeout(IDLE, body.frame()).await;
        let Some(frame) = frame.map_err(|_| too_slow("paused for", IDLE))? else {
            break;
        };
        let frame =
            frame.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "the body ended early"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() > MAX_BYTES.saturating_sub(wasm.len()) {
            return Err(too_large(body));
        }
        wasm.extend_from_slice(&data);
    }
    Ok(wasm.freeze())
}

fn too_slow(what: &str, limit: Duration) -> Problem {
    Problem::new(
        StatusCode::REQUEST_TIMEOUT,
        format!("the upload {what} {} s", limit.as_secs()),
    )
}

fn too_large(body: Body) -> Problem {
    discard(body);
    Problem::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        format!("the body is larger than {MAX_BYTES} bytes, which no plugin may be"),
    )
}

/// Reads a body to its end, for nobody.
pub(super) fn discard(mut body: Body) {
    if body.is_end_stream() {
        return;
    }
    tokio::spawn(tokio::time::timeout(LINGER, async move {
        // Out of time: dropping the body closes the connection.
        while let Some(Ok(_)) = body.frame().await {}
    }));
}
