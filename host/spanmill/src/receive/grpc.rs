//! OTLP over gRPC: one method of one service for each signal.

mod answer;
mod message;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use tonic::Status;

use answer::{AnswerBody, failure, success};
use message::MessageError;

use super::body::{self, BodyError, Encoding, Incomings};
use super::method::{PROFILES, signal_of};
use super::otlp::config::GrpcServer;
use super::status::into_grpc;
use super::unserved::{Unserved, Warned};
use super::{Received, RequestIntake, caller};
use crate::metadata::RequestMetadata;
use crate::received::Transport;
use spanmill_model::Signal;
use spanmill_net::Answer;

const ENCODING: &str = "grpc-encoding";
const ACCEPTED: &str = "grpc-accept-encoding";
const TIMEOUT: &str = "grpc-timeout";
/// Messages from this size on are decompressed off the async threads.
const BLOCKING_FROM: usize = 64 * 1024;

/// The services.
pub(super) struct ExportService {
    intake: Arc<dyn RequestIntake>,
    settings: Arc<GrpcServer>,
    warned: Arc<Warned>,
}

impl Clone for ExportService {
    fn clone(&self) -> Self {
        let warned = Arc::clone(&self.warned);
        Self::new(Arc::clone(&self.intake), Arc::clone(&self.settings), warned)
    }
}

impl ExportService {
    pub fn new(
        intake: Arc<dyn RequestIntake>,
        settings: Arc<GrpcServer>,
        warned: Arc<Warned>,
    ) -> Self {
        Self {
            intake,
            settings,
            warned,
        }
    }
}

impl Answer for ExportService {
    type Body = AnswerBody;

    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<AnswerBody> {
        if !is_grpc(request.headers()) {
            let mut response = Response::new(AnswerBody::End);
            *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            return response;
        }
        match self.take(request, peer).await {
            Ok(()) => success(),
            Err(status) => failure(status),
        }
    }
}

impl ExportService {
    async fn take(&self, request: Request<Incoming>, peer: IpAddr) -> Result<(), Status> {
        let signal = self.signal(request.uri().path())?;
        let deadline = timeout(request.headers())?;
        let (parts, body) = request.into_parts();
        let mut message = self.message(signal, &parts.headers, body).await?;
        message.caller = caller(&parts.headers);
        if self.settings.include_metadata {
            let authority = parts.uri.authority();
            let authority = authority.map(|authority| (":authority", authority.as_str()));
            message.metadata = RequestMetadata::of(&parts.headers, authority);
        }
        message.metadata.sent_by(peer);
        let accepted = self.intake.accept(message);
        let accepted = match deadline {
            None => accepted.await,
            Some(deadline) => tokio::time::timeout(deadline, accepted)
                .await
                .map_err(|_| {
                    let message =
                        "the sender's deadline is over; the batch may be delivered all the same";
                    Status::deadline_exceeded(message)
                })?,
        };
        accepted.map_err(|refusal| into_grpc(&refusal))
    }
}

impl ExportService {
    /// The signal that a method takes, if a pipeline takes it.
    fn signal(&self, method: &str) -> Result<Signal, Status> {
        let unserved = match signal_of(method) {
            Some(signal) if self.intake.takes(signal) => return Ok(signal),
            Some(signal) => Unserved::NoPipeline(signal),
            None if method == PROFILES => Unserved::Profiles,
            None => {
                let message = "there is no such method; telemetry is sent by the method Export of OTLP's TraceService, LogsService and MetricsService";
                return Err(Status::unimplemented(message));
            }
        };
        self.warned.of(unserved);
        let message = format!("{unserved}: {}", unserved.remedy());
        Err(Status::unimplemented(message))
    }

    /// The one message of a request, decompressed.
    async fn message(
        &self,
        signal: Signal,
        headers: &HeaderMap,
        body: Incoming,
    ) -> Result<Received, Status> {
        let limit = self.settings.max_message_bytes;
        let encoding = encoding(headers)?;
        let memory = self
            .intake
            .admit(signal)
            .map_err(|refusal| into_grpc(&refusal))?;
        let mut body = Incomings::new(body, memory, None);
        let is_compressed = encoding != Encoding::Identity;
        let message = message::whole(&mut body, limit, is_compressed)
            .await
            .map_err(|error| match error {
                MessageError::NoRoom => into_grpc(&self.intake.no_room()),
                MessageError::Status(status) => status,
            })?;
        let (_, memory) = body.into_parts();
        let request = Received {
            transport: Transport::Grpc,
            ..Received::new(signal, message.bytes, memory)
        };
        if !message.is_compressed {
            return Ok(request);
        }
        let decompressed = if request.bytes.len() >= BLOCKING_FROM {
            tokio::task::spawn_blocking(move || body::decompress(request, encoding, limit))
                .await
                .unwrap_or(Err(BodyError::Failed))
        } else {
            body::decompress(request, encoding, limit)
        };
        decompressed.map_err(|error| match error {
            BodyError::TooLarge(limit) => Status::resource_exhausted(format!(
                "the message has more than {limit} bytes once decompressed; send smaller batches, or raise max_recv_msg_size_mib"
            )),
            BodyError::NoRoom => into_grpc(&self.intake.no_room()),
            BodyError::BeyondMemory { .. } => Status::resource_exhausted(error.to_string()),
            error => Status::internal(error.to_string()),
        })
    }
}

/// Whether a request says that it is gRPC: <https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests>.
fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .map_or(&b""[..], HeaderValue::as_bytes);
    match kind.strip_prefix(b"application/grpc") {
        Some(rest) => matches!(rest.first(), None | Some(b'+' | b';')),
        None => false,
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Status> {
    match headers.get(ENCODING).map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(Encoding::Identity),
        Some(b"gzip") => Ok(Encoding::Gzip),
        Some(b"zstd") => Ok(Encoding::Zstd),
        Some(_) => {
            let mut status = Status::unimplemented(
                "the message's encoding is not known; use gzip, zstd or none",
            );
            let accepted = tonic::metadata::MetadataValue::from_static("gzip,zstd,identity");
            status.metadata_mut().insert(ACCEPTED, accepted);
            Err(status)
        }
    }
}

/// How long the sender waits: up to eight digits and a unit.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Status> {
    let Some(value) = headers.get(TIMEOUT) else {
        return Ok(None);
    };
    let parsed = value.to_str().ok().and_then(|text| {
        let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
        if digits.is_empty() || digits.len() > 8 {
            return None;
        }
        let count: u64 = digits.parse().ok()?;
        Some(match unit {
            "H" => Duration::from_secs(count.saturating_mul(3600)),
            "M" => Duration::from_secs(count.saturating_mul(60)),
            "S" => Duration::from_secs(count),
            "m" => Duration::from_millis(count),
            "u" => Duration::from_micros(count),
            "n" => Duration::from_nanos(count),
            _ => return None,
        })
    });
    match parsed {
        Some(timeout) => Ok(Some(timeout)),
        None => Err(Status::internal("grpc-timeout is not a number with a unit")),
    }
}
