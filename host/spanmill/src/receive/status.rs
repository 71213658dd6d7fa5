//! Why a request was not taken, in the words of gRPC and of HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};
use http_body_util::Full;
use prost::Message as _;
use serde_json::json;
use thiserror::Error;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Why an intake did not take a request. Texts go back to the sender.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// It is no OTLP request: sending it again is no use.
    #[error("malformed request: {0}")]
    Malformed(String),
    /// A queue is full or memory is short: send it again, later.
    #[error("overloaded; send it again in {retry_after:?}")]
    Overloaded {
        /// How long to wait.
        retry_after: Duration,
    },
    /// It cannot be processed now: send it again, later.
    #[error("unavailable; send it again in {retry_after:?}")]
    Unavailable {
        /// How long to wait.
        retry_after: Duration,
    },
    /// It failed for good.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Refusal {
    fn code(&self) -> Code {
        match self {
            Refusal::Malformed(_) => Code::InvalidArgument,
            Refusal::Overloaded { .. } => Code::ResourceExhausted,
            Refusal::Unavailable { .. } => Code::Unavailable,
            Refusal::Internal(_) => Code::Internal,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Refusal::Overloaded { retry_after } | Refusal::Unavailable { retry_after } => {
                Some(*retry_after)
            }
            _ => None,
        }
    }

    /// For gRPC: without RetryInfo a sender may not send again what was RESOURCE_EXHAUSTED.
    pub(super) fn into_grpc(self) -> Status {
        match self.retry_after() {
            Some(delay) => Status::with_error_details(
                self.code(),
                self.to_string(),
                ErrorDetails::with_retry_info(Some(delay)),
            ),
            None => Status::new(self.code(), self.to_string()),
        }
    }

    /// For HTTP.
    pub(super) fn into_http(self, format: Format) -> Response<Full<Bytes>> {
        let status = match self {
            Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
            Refusal::Overloaded { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let mut response = failure(format, status, self.code(), &self.to_string());
        if let Some(delay) = self.retry_after() {
            // Whole seconds; zero would be an invitation to hammer.
            let seconds = (delay.as_secs() + u64::from(delay.subsec_nanos() > 0)).max(1);
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
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
