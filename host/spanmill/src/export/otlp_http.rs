//! OTLP over HTTP, protobuf or JSON.

pub(crate) mod config;

use std::io::{self, Write as _};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use flate2::write::GzEncoder;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use prost::Message as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tonic::Code;

use super::build::{StartContext, tls_client};
use super::component::Missing;
use super::component::{ExporterComponent, ExporterConfig, Starting};
use super::headers::headers;
use super::otlp_grpc::{accepted, chain, with_text};
use super::{
    Attempt, BuildError, Export, ExportError, ExportResponse, Failure, Payload, Signal, otlp_text,
    quoted,
};
use crate::component::{ALL_SIGNALS, Alias, Component};
use crate::export::otlp_http::config::{Encoding, OtlpHttpConfig};
use crate::export::settings::Compression;
use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_model::PerSignal;
use spanmill_net::Connector;
use spanmill_net::tls::{H2, HTTP_1_1, Refusals, check_client};
use std::sync::Arc;

/// A response says a sentence or two.
const MAX_RESPONSE: usize = 64 * 1024;
/// How long the rest of an answer is waited for, once its status is there.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);
/// Bodies from this size on are encoded off the async threads.
const BLOCKING_FROM: usize = 64 * 1024;

pub(crate) static COMPONENT: ExporterComponent = Component {
    name: "otlphttp",
    aliases: &[Alias::new("otlp_http")],
    signals: ALL_SIGNALS,
    read: |section, out| Arc::new(config::read(section, out)),
};

impl ExporterConfig for OtlpHttpConfig {
    fn partition_by(&self) -> &[String] {
        self.client.partition_by()
    }

    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        if self.is_secure() {
            check_client(&format!("exporter {id}"), &self.client.tls, out);
        }
    }

    fn missing_for(&self, signal: Signal) -> Option<Missing> {
        let lacks = self.urls.get(signal).is_none();
        // Without any URL the section was complained of as a whole.
        let has_other = self.urls.iter().any(|(_, url)| url.is_some());
        (lacks && has_other).then(|| Missing {
            message: format!("has no URL for {signal}"),
            help: format!("add `endpoint:` or `{signal}_endpoint:`"),
        })
    }

    fn start<'a>(&'a self, id: &'a ComponentId, context: StartContext<'a>) -> Starting<'a> {
        Box::pin(async move {
            let export = OtlpHttp::new(id, self)?;
            let url = self.urls.iter().find_map(|(_, url)| url.as_ref());
            Ok(context.remote(id, export, &self.client, url.map_or("", |url| url)))
        })
    }
}

pub(crate) struct OtlpHttp {
    client: Client<Connector<TcpStream>, Full<Bytes>>,
    urls: PerSignal<Option<Uri>>,
    encoding: Encoding,
    compression: Compression,
    headers: HeaderMap,
    refusals: Refusals,
}

impl OtlpHttp {
    pub fn new(id: &ComponentId, config: &OtlpHttpConfig) -> Result<Self, BuildError> {
        let mut urls: PerSignal<Option<Uri>> = PerSignal::default();
        for (signal, url) in config.urls.iter() {
            let Some(url) = url else { continue };
            let url = url.parse().map_err(|cause| BuildError::Endpoint {
                exporter: id.clone(),
                cause: format!("{cause}"),
            })?;
            *urls.get_mut(signal) = Some(url);
        }
        let tls = match config.is_secure() {
            true => Some(tls_client(id, &config.client.tls, &[H2, HTTP_1_1])?),
            false => None,
        };
        let refusals = tls.as_ref().map(|tls| tls.refusals().clone());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .build(Connector::new(tls));
        Ok(Self {
            client,
            urls,
            encoding: config.encoding,
            compression: config.client.compression,
            headers: headers(&config.client.headers),
            refusals: refusals.unwrap_or_default(),
        })
    }

    async fn send(&self, payload: &Payload) -> Result<ExportResponse, ExportError> {
        let Some(uri) = self.urls.get(payload.signal).clone() else {
            let message = format!("there is no URL for {}", payload.signal);
            return Err(ExportError::permanent(message));
        };
        let mut request = Request::new(Full::new(self.body(payload).await?));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(
            USER_AGENT,
            HeaderValue::from_static(concat!("spanmill/", env!("CARGO_PKG_VERSION"))),
        );
        headers.extend(self.headers.clone());
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static(content_type(self.encoding)),
        );
        let encoding = match self.compression {
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
            Compression::None => None,
        };
        if let Some(encoding) = encoding {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        let start = Instant::now();
        let response = self.client.request(request).await.map_err(|error| {
            ExportError::retryable(self.refusals.unreachable(&chain(&error), start))
        })?;
        let (parts, body) = response.into_parts();
        // The status says whether it took the batch. What else it says is welcome, but not waited for: a body that never
        // ends must not have the batch sent again.
        let body = Limited::new(body, MAX_RESPONSE).collect();
        let body = tokio::time::timeout(BODY_TIMEOUT, body).await;
        let body = match body {
            Ok(Ok(body)) => body.to_bytes(),
            _ => Bytes::new(),
        };
        let json = parts
            .headers
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
        if !parts.status.is_success() {
            return Err(failure(parts.status, &parts.headers, json, &body));
        }
        Ok(match json {
            true => accepted_json(payload.signal, &body),
            false => accepted(payload.signal, &body),
        })
    }

    async fn body(&self, payload: &Payload) -> Result<Bytes, ExportError> {
        let (encoding, compression) = (self.encoding, self.compression);
        if (encoding, compression) == (Encoding::Proto, Compression::None) {
            return Ok(payload.bytes.clone());
        }
        if payload.bytes.len() < BLOCKING_FROM {
            return encode(payload, encoding, compression);
        }
        let payload = payload.clone();
        tokio::task::spawn_blocking(move || encode(&payload, encoding, compression))
            .await
            .unwrap_or_else(|_| Err(ExportError::retryable("encoding the batch did not finish")))
    }
}

impl Export for OtlpHttp {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        Box::pin(self.send(payload))
    }
}

fn content_type(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Proto => "application/x-protobuf",
        Encoding::Json => "application/json",
    }
}

fn encode(
    payload: &Payload,
    encoding: Encoding,
    compression: Compression,
) -> Result<Bytes, ExportError> {
    let bytes = match encoding {
        Encoding::Proto => payload.bytes.clone(),
        Encoding::Json => otlp_text::to_json(payload)?.into(),
    };
    let compressed = match compression {
        Compression::None => Ok(bytes),
        Compression::Gzip => gzip(&bytes).map(Bytes::from),
        Compression::Zstd => zstd::encode_all(bytes.as_ref(), 0).map(Bytes::from),
    };
    compressed.map_err(|_| ExportError::permanent("the batch cannot be compressed"))
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn accepted_json(signal: Signal, body: &[u8]) -> ExportResponse {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let field = match signal {
        Signal::Traces => "/partialSuccess/rejectedSpans",
        Signal::Logs => "/partialSuccess/rejectedLogRecords",
        Signal::Metrics => "/partialSuccess/rejectedDataPoints",
    };
    let rejected = match body.pointer(field) {
        Some(Value::String(number)) => number.parse().ok(),
        Some(number) => number.as_u64(),
        None => None,
    };
    let remark = body
        .pointer("/partialSuccess/errorMessage")
        .and_then(Value::as_str);
    ExportResponse {
        rejected: rejected.unwrap_or(0),
        remark: remark.filter(|remark| !remark.is_empty()).map(quoted),
        ..ExportResponse::default()
    }
}

/// Which answers are worth another attempt: <https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes>.
fn failure(status: StatusCode, headers: &HeaderMap, is_json: bool, body: &[u8]) -> ExportError {
    let message = with_text(
        format!("the backend answered {status}"),
        &said(is_json, body),
    );
    let failure = Failure {
        message,
        code: Some(grpc_code(status)),
    };
    match status.as_u16() {
        429 | 502 | 503 | 504 => ExportError::Retryable {
            failure,
            after: headers.get(RETRY_AFTER).and_then(retry_after),
        },
        _ => ExportError::Permanent(failure),
    }
}

/// What an answer that refuses says: OTLP's `Status`, or text.
fn said(is_json: bool, body: &[u8]) -> String {
    if is_json && let Ok(Value::Object(status)) = serde_json::from_slice(body) {
        let message = status.get("message").and_then(Value::as_str);
        return message.unwrap_or_default().to_owned();
    }
    if let Ok(status) = tonic_types::Status::decode(body)
        && !status.message.is_empty()
    {
        return status.message;
    }
    match std::str::from_utf8(body) {
        // A page for people is none for a log.
        Ok(text) if !text.trim_start().starts_with('<') => text.to_owned(),
        _ => String::new(),
    }
}

/// The gRPC code that says what an HTTP status says, as the Collector's exporter maps them
/// (<https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md>, with 400 and 429 by their meaning).
pub(super) fn grpc_code(status: StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 => Code::ResourceExhausted,
        502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// Seconds, or the time when (RFC 9110, 10.2.3).
pub(super) fn retry_after(value: &HeaderValue) -> Option<Duration> {
    let value = value.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let when = httpdate::parse_http_date(value).ok()?;
    Some(when.duration_since(SystemTime::now()).unwrap_or_default())
}
