//! Answers in the words of gRPC and of HTTP.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use prost::Message as _;
use serde_json::json;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

use crate::refusal::Refusal;

/// For gRPC: without RetryInfo a sender may not send again what was RESOURCE_EXHAUSTED.
pub(super) fn into_grpc(refusal: &Refusal) -> Status {
    match refusal.retry_after() {
        Some(delay) => Status::with_error_details(
            refusal.code(),
            refusal.to_string(),
            ErrorDetails::with_retry_info(Some(delay)),
        ),
        None => Status::new(refusal.code(), refusal.to_string()),
    }
}

/// For HTTP.
pub(super) fn into_http(refusal: &Refusal, format: Format) -> Response<Full<Bytes>> {
    let status = match refusal {
        Refusal::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        _ => http_status(refusal.code()),
    };
    let mut response = failure(format, status, refusal.code(), &refusal.to_string());
    if let Some(delay) = refusal.retry_after() {
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
