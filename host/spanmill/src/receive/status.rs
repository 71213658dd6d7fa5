//! Answers in the words of gRPC and of HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use prost::Message as _;
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::refusal::Refusal;

/// How long a sender is asked to wait by a backend that does not say. Without RetryInfo, RESOURCE_EXHAUSTED would mean never.
const AFTER_EXHAUSTED: Duration = Duration::from_secs(1);

/// The gRPC code of a refusal.
fn code(refusal: &Refusal) -> Code {
    match refusal {
        Refusal::Malformed(_) | Refusal::Unprocessable(_) => Code::InvalidArgument,
        Refusal::TooLarge(_) | Refusal::Overloaded { .. } => Code::ResourceExhausted,
        Refusal::Unavailable { .. } => Code::Unavailable,
        Refusal::Backend {
            code: Some(code), ..
        } => *code,
        Refusal::Backend {
            is_retryable: true, ..
        } => Code::Unavailable,
        Refusal::Backend { .. } | Refusal::Internal(_) => Code::Internal,
    }
}

/// How long the sender is asked to wait before it tries again.
fn retry_after(refusal: &Refusal) -> Option<Duration> {
    let is_exhausted = || refusal.is_retryable() && code(refusal) == Code::ResourceExhausted;
    let after = refusal.retry_after();
    after.or_else(|| is_exhausted().then_some(AFTER_EXHAUSTED))
}

/// For gRPC: without RetryInfo a sender may not send again what was RESOURCE_EXHAUSTED.
pub(super) fn into_grpc(refusal: &Refusal) -> Status {
    match retry_after(refusal) {
        Some(delay) => Status::with_error_details(
            code(refusal),
            refusal.to_string(),
            ErrorDetails::with_retry_info(Some(delay)),
        ),
        None => Status::new(code(refusal), refusal.to_string()),
    }
}

/// For HTTP.
pub(super) fn into_http(refusal: &Refusal, format: Format) -> Response<Full<Bytes>> {
    let status = match refusal {
        Refusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => http_status(code(refusal)),
    };
    let mut response = failure(format, status, code(refusal), &refusal.to_string());
    if let Some(delay) = retry_after(refusal) {
        // Whole seconds; zero would be an invitation to hammer.
        let seconds = delay
            .as_secs()
            .saturating_add(u64::from(delay.subsec_nanos() > 0))
            .max(1);
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The HTTP status that says what a gRPC code says, as the Collector's OTLP receiver maps them: senders retry 429 and
/// 503 and nothing else of these.
fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => StatusCode::SERVICE_UNAVAILABLE,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::Unimplemented => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// How a body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Protobuf,
    Json,
}

impl Format {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Format::Protobuf => "application/x-protobuf",
            Format::Json => "application/json",
        })
    }
}

/// The answer to a request that was taken: an `ExportTraceServiceResponse` without anything to say.
pub(super) fn success(format: Format) -> Response<Full<Bytes>> {
    let body = match format {
        Format::Protobuf => Bytes::new(),
        Format::Json => Bytes::from_static(br#"{"partialSuccess":{}}"#),
    };
    respond(format, StatusCode::OK, body)
}

/// An HTTP error, with a `google.rpc.Status` as its body.
pub(super) fn failure(
    format: Format,
    status: StatusCode,
    code: Code,
    message: &str,
) -> Response<Full<Bytes>> {
    let code = i32::from(code);
    let body = match format {
        Format::Protobuf => tonic_types::Status {
            code,
            message: message.to_owned(),
            details: Vec::new(),
        }
        .encode_to_vec(),
        Format::Json => json!({"code": code, "message": message})
            .to_string()
            .into_bytes(),
    };
    respond(format, status, Bytes::from(body))
}

fn respond(format: Format, status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, format.content_type());
    response
}
