//! OTLP over HTTP: `POST /v1/traces`, `/v1/logs`, `/v1/metrics`; protobuf or JSON, compressed or not.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic::Code;

use super::body::{self, BodyError, Encoding};
use super::cors;
use super::status::{Format, failure, into_http, success};
use super::unserved::{Unserved, Warned};
use super::{Received, RequestIntake, caller};
use crate::metadata::RequestMetadata;
use crate::otlp_json;
use crate::receive::otlp::config::HttpServer;
use crate::received::Transport;
use crate::refusal::Refusal;
use spanmill_model::Signal;
use spanmill_net::Answer;

/// Bodies from this size on are decompressed or decoded off the async threads.
const BLOCKING_FROM: usize = 64 * 1024;

/// The endpoint of all signals.
pub(super) struct Endpoint {
    intake: Arc<dyn RequestIntake>,
    settings: Arc<Settings>,
}

struct Settings {
    server: HttpServer,
    /// What is sent with every answer.
    headers: HeaderMap,
    warned: Arc<Warned>,
}

impl Clone for Endpoint {
    fn clone(&self) -> Self {
        Self {
            intake: Arc::clone(&self.intake),
            settings: Arc::clone(&self.settings),
        }
    }
}

impl Endpoint {
    pub fn new(intake: Arc<dyn RequestIntake>, server: HttpServer, warned: Arc<Warned>) -> Self {
        let headers = server.response_headers.iter().filter_map(|(name, value)| {
            // The configuration was checked: it always is one.
            let value = HeaderValue::try_from(value.reveal()).ok()?;
            Some((name.clone(), value))
        });
        let headers = headers.collect();
        Self {
            intake,
            settings: Arc::new(Settings {
                server,
                headers,
                warned,
            }),
        }
    }
}

impl Answer for Endpoint {
    type Body = Full<Bytes>;

    async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Full<Bytes>> {
        let settings = &self.settings;
        let cors = settings.server.cors.as_ref();
        let mut further = settings.headers.clone();
        let mut response = match cors {
            Some(cors) if cors::is_preflight(request.method(), request.headers()) => {
                further.extend(cors::preflight(cors, request.headers()));
                let mut response = Response::new(Full::new(Bytes::new()));
                *response.status_mut() = StatusCode::NO_CONTENT;
                response
            }
            _ => {
                if let Some(cors) = cors {
                    further.extend(cors::actual(cors, request.method(), request.headers()));
                }
                self.answer_plainly(request, peer).await
            }
        };
        for (name, value) in &further {
            // What an answer needs itself is not replaced.
            if !response.headers().contains_key(name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}

/// Why a request was not taken.
enum Problem {
    Path(String),
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

impl Endpoint {
    async fn answer_plainly(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
    ) -> Response<Full<Bytes>> {
        let format = format_of(request.headers());
        // Whoever speaks neither format gets the one that people can read.
        let answer_format = format.unwrap_or(Format::Json);
        let answer = match self.take(request, format, peer).await {
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
                &message,
            ),
            Problem::Method => {
                let message = "telemetry is sent with POST";
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

    /// The signal that is taken at a path.
    fn signal(&self, path: &str) -> Result<Signal, Problem> {
        let paths = &self.settings.server.paths;
        let found = paths.iter().find(|(_, known)| *known == path);
        let unserved = match found {
            Some((signal, _)) if self.intake.takes(signal) => return Ok(signal),
            Some((signal, _)) => Unserved::NoPipeline(signal),
            None if path == "/v1development/profiles" => Unserved::Profiles,
            None => {
                let taken = paths
                    .iter()
                    .filter(|(signal, _)| self.intake.takes(*signal));
                let taken: Vec<String> = taken
                    .map(|(signal, path)| format!("{signal} at {path}"))
                    .collect();
                return Err(Problem::Path(match taken.is_empty() {
                    true => "nothing is taken here at the moment".to_owned(),
                    false => format!("there is no such path; this takes {}", taken.join(", ")),
                }));
            }
        };
        self.settings.warned.of(unserved);
        let remedy = unserved.remedy();
        Err(Problem::Path(format!("{unserved}: {remedy}")))
    }

    async fn take(
        &self,
        request: Request<Incoming>,
        format: Option<Format>,
        peer: IpAddr,
    ) -> Result<(), Problem> {
        let server = &self.settings.server;
        let signal = self.signal(request.uri().path())?;
        if request.method() != Method::POST {
            return Err(Problem::Method);
        }
        let format = format.ok_or(Problem::ContentType)?;
        let encoding = encoding_of(request.headers(), server.compression_algorithms.as_deref())?;
        let limit = server.max_body_bytes;
        let memory = match self.intake.admit(signal) {
            Ok(memory) => memory,
            Err(refusal) => {
                tokio::spawn(body::discard(request.into_body()));
                return Err(Problem::Refused(refusal));
            }
        };
        let mut metadata = match server.include_metadata {
            true => {
                let authority = request.uri().authority();
                let host = authority.map(|authority| ("host", authority.as_str()));
                RequestMetadata::of(request.headers(), host)
            }
            false => RequestMetadata::default(),
        };
        metadata.sent_by(peer);
        let caller = caller(request.headers());
        let timeout = server.read_timeout;
        let mut received = body::read(signal, request.into_body(), limit, memory, timeout).await?;
        received.metadata = metadata;
        received.transport = Transport::Http;
        received.caller = caller;
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
        request.bytes = otlp_json::to_protobuf(&json, request.signal).map_err(BodyError::Json)?;
        let held = json.len().saturating_add(request.bytes.len());
        request.memory.grow_to(held)?;
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

/// How a body is compressed, if that is among what is `allowed`.
fn encoding_of(headers: &HeaderMap, allowed: Option<&[String]>) -> Result<Encoding, BodyError> {
    let value = headers.get(CONTENT_ENCODING).map(HeaderValue::as_bytes);
    let (name, encoding) = match value.unwrap_or_default() {
        b"" | b"identity" => ("", Encoding::Identity),
        b"gzip" | b"x-gzip" => ("gzip", Encoding::Gzip),
        b"zstd" => ("zstd", Encoding::Zstd),
        b"deflate" => ("deflate", Encoding::Deflate),
        b"zlib" => ("zlib", Encoding::Deflate),
        _ => return Err(BodyError::Encoding),
    };
    match allowed.is_none_or(|allowed| allowed.iter().any(|other| other == name)) {
        true => Ok(encoding),
        false => Err(BodyError::Encoding),
    }
}

fn body_failure(format: Format, error: &BodyError) -> Response<Full<Bytes>> {
    let (status, code) = match error {
        BodyError::TooLarge(_) | BodyError::BeyondMemory { .. } => {
            (StatusCode::PAYLOAD_TOO_LARGE, Code::ResourceExhausted)
        }
        BodyError::Encoding => (StatusCode::UNSUPPORTED_MEDIA_TYPE, Code::InvalidArgument),
        BodyError::Slow => (StatusCode::REQUEST_TIMEOUT, Code::DeadlineExceeded),
        BodyError::NoRoom => (StatusCode::TOO_MANY_REQUESTS, Code::ResourceExhausted),
        BodyError::Failed => (StatusCode::INTERNAL_SERVER_ERROR, Code::Internal),
        BodyError::Read | BodyError::Corrupt(_) | BodyError::Json(_) => {
            (StatusCode::BAD_REQUEST, Code::InvalidArgument)
        }
    };
    let mut response = failure(format, status, code, &error.to_string());
    if error.is_about_size() || matches!(error, BodyError::Slow) {
        // Of the rest only so much is read that the sender sees this answer; the connection ends.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}
