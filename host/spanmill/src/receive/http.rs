//! OTLP over HTTP: `POST /v1/traces`, protobuf or JSON, compressed or not.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic::Code;

use super::body::{self, BodyError, Encoding};
use super::connections::Answer;
use super::json;
use super::status::{Format, failure, into_http, success};
use super::{Received, TraceIntake};
use crate::refusal::Refusal;

/// Bodies from this size on are decompressed or decoded off the async threads.
const BLOCKING_FROM: usize = 64 * 1024;

/// The endpoint for traces.
pub(super) struct TraceEndpoint<I> {
    intake: Arc<I>,
    max_body_bytes: usize,
}

impl<I> Clone for TraceEndpoint<I> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.intake), self.max_body_bytes)
    }
}

impl<I> TraceEndpoint<I> {
    pub fn new(intake: Arc<I>, max_body_bytes: usize) -> Self {
        Self {
            intake,
            max_body_bytes,
        }
    }
}

impl<I: TraceIntake> Answer for TraceEndpoint<I> {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let format = format_of(request.headers());
        // Whoever speaks neither format gets the one that people can read.
        let answer_format = format.unwrap_or(Format::Json);
        let answer = match self.take(request, format).await {
            Ok(()) => return success(answer_format),
            Err(answer) => answer,
        };
        match answer {
            Problem::Refused(refusal) => into_http(&refusal, answer_format),
            Problem::Body(BodyError::NoRoom) => into_http(&self.intake.no_room(), answer_format),
            Problem::Path(message) => failure(
                answer_format,
                StatusCode::NOT_FOUND,
                Code::NotFound,
                message,
            ),
            Problem::Method => {
                let message = "traces are sent with POST";
                let status = StatusCode::METHOD_NOT_ALLOWED;
                let mut response = failure(answer_format, status, Code::Unimplemented, message);
                let allow = HeaderValue::from_static("POST");
                response.headers_mut().insert(ALLOW, allow);
                response
            }
            Problem::ContentType => failure(
                answer_format,
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                Code::InvalidArgument,
                "the content type must be application/x-protobuf or application/json",
            ),
            Problem::Body(error) => body_failure(answer_format, &error),
        }
    }
}

/// Why a request was not taken.
enum Problem {
    Path(&'static str),
    Method,
    ContentType,
    Body(BodyError),
    Refused(Refusal),
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        Problem::Body(error)
    }
}

impl<I: TraceIntake> TraceEndpoint<I> {
    async fn take(
        &self,
        request: Request<Incoming>,
        format: Option<Format>,
    ) -> Result<(), Problem> {
        match request.uri().path() {
            "/v1/traces" => {}
            "/v1/metrics" | "/v1/logs" | "/v1development/profiles" => {
                return Err(Problem::Path(
                    "this version takes traces only, at /v1/traces; turn off the other signals in the sender",
                ));
            }
            _ => return Err(Problem::Path("traces are taken at /v1/traces")),
        }
        if request.method() != Method::POST {
            return Err(Problem::Method);
        }
        let format = format.ok_or(Problem::ContentType)?;
        let encoding = encoding_of(request.headers())?;
        let limit = self.max_body_bytes;
        let memory = match self.intake.admit() {
            Ok(memory) => memory,
            Err(refusal) => {
                tokio::spawn(body::discard(request.into_body()));
                return Err(Problem::Refused(refusal));
            }
        };
        let received = body::read(request.into_body(), limit, memory, None).await?;
        let heavy = format == Format::Json || encoding != Encoding::Identity;
        let received = if heavy && received.bytes.len() >= BLOCKING_FROM {
            tokio::task::spawn_blocking(move || decode(received, encoding, format, limit))
                .await
                .unwrap_or(Err(BodyError::Failed))?
        } else {
            decode(received, encoding, format, limit)?
        };
        self.intake.accept(received).await.map_err(Problem::Refused)
    }
}

fn decode(
    request: Received,
    encoding: Encoding,
    format: Format,
    limit: usize,
) -> Result<Received, BodyError> {
    let mut request = body::decompress(request, encoding, limit)?;
    if format == Format::Json {
        let json = request.bytes;
        request.bytes = json::to_protobuf(&json).map_err(BodyError::Json)?;
        let held = json.len().saturating_add(request.bytes.len());
        if !request.memory.grow_to(held) {
            return Err(BodyError::NoRoom);
        }
        drop(json);
        request.memory.shrink_to(request.bytes.len());
    }
    Ok(request)
}

fn format_of(headers: &HeaderMap) -> Option<Format> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/x-protobuf") {
        Some(Format::Protobuf)
    } else if essence.eq_ignore_ascii_case("application/json") {
        Some(Format::Json)
    } else {
        None
    }
}

fn encoding_of(headers: &HeaderMap) -> Result<Encoding, BodyError> {
    let Some(value) = headers.get(CONTENT_ENCODING) else {
        return Ok(Encoding::Identity);
    };
    match value.as_bytes() {
        b"" | b"identity" => Ok(Encoding::Identity),
        b"gzip" | b"x-gzip" => Ok(Encoding::Gzip),
        b"zstd" => Ok(Encoding::Zstd),
        b"deflate" | b"zlib" => Ok(Encoding::Deflate),
        _ => Err(BodyError::Encoding),
    }
}

fn body_failure(format: Format, error: &BodyError) -> Response<Full<Bytes>> {
    let (status, code) = match error {
        BodyError::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted),
        BodyError::Encoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument),
        BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, Code::DeadlineExceeded),
        BodyError::NoRoom => (StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted),
        BodyError::Failed => (StatusCode::INTERNAL_SERVER_ERROR, Code::Internal),
        BodyError::Read | BodyError::Corrupt(_) | BodyError::Json(_) => {
            (StatusCode::BAD_REQUEST, Code::InvalidArgument)
        }
    };
    let mut response = failure(format, status, code, &error.to_string());
    if matches!(error, BodyError::TooLarge(_) | BodyError::Slow) {
        // Of the rest only so much is read that the sender sees this answer; the connection ends.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
