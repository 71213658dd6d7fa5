//! The `prometheusremotewrite` exporter: metrics as Prometheus' remote write, 1.0 or 2.0.
//!
//! Series and names are those of the Collector's exporter. A batch becomes one or several requests, which are
//! posted some at a time; each series is in one request, so its samples stay in order. A further attempt
//! posts only the requests that failed: a backend would reject what it already has as out of order.

pub(crate) mod config;
mod encode;
mod labels;
mod messages;
#[cfg(test)]
mod tests;
mod translate;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::build::{StartContext, tls_client};
use super::component::{ExporterComponent, ExporterConfig, Starting};
use super::headers::headers;
use super::otlp_grpc::{chain, with_text};
use super::otlp_http::{grpc_code, retry_after};
use super::prom::names;
use super::{
    Attempt, BuildError, Export, ExportError, ExportResponse, Failure, Payload, Signal, otlp_text,
    quoted,
};
use crate::component::{Alias, Component};
use crate::export::progress::{Progress, WriteBody};
use crate::export::remote_write::config::{RemoteWriteConfig, RemoteWriteVersion};
use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_net::Connector;
use spanmill_net::tls::{H2, HTTP_1_1, Refusals, check_client};

/// Limit on the text of an answer, in bytes.
const MAX_RESPONSE: usize = 1024;
/// How long to wait for an answer's text after its status.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) static COMPONENT: ExporterComponent = Component {
    name: "prometheusremotewrite",
    aliases: &[Alias::new("prometheus_remote_write")],
    signals: &[Signal::Metrics],
    read: |section, out| Arc::new(config::read(section, out)),
};

impl ExporterConfig for RemoteWriteConfig {
    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        if self.is_secure() {
            check_client(&format!("exporter {id}"), &self.client.tls, out);
        }
    }

    fn start<'a>(&'a self, id: &'a ComponentId, context: StartContext<'a>) -> Starting<'a> {
        Box::pin(async move {
            let export = RemoteWrite::new(id, self)?;
            Ok(context.remote(id, export, &self.client, &self.url))
        })
    }
}

pub(super) struct RemoteWrite {
    config: Arc<RemoteWriteConfig>,
    poster: Poster,
}

/// Posts requests. Clones share their connections.
#[derive(Clone)]
struct Poster {
    client: Client<Connector<TcpStream>, Full<Bytes>>,
    url: Uri,
    headers: HeaderMap,
    version: RemoteWriteVersion,
    refusals: Refusals,
}

impl RemoteWrite {
    pub fn new(id: &ComponentId, config: &RemoteWriteConfig) -> Result<Self, BuildError> {
        let url: Uri = config.url.parse().map_err(|cause| BuildError::Endpoint {
            exporter: id.clone(),
            cause: format!("{cause}"),
        })?;
        let tls = match config.is_secure() {
            true => Some(tls_client(id, &config.client.tls, &[H2, HTTP_1_1])?),
            false => None,
        };
        let refusals = tls.as_ref().map(|tls| tls.refusals().clone());
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .build(Connector::new(tls));
        let mut named = config.clone();
        named.external_labels = config
            .external_labels
            .iter()
            .filter_map(|(key, value)| Some((names::written_label(key)?, value.clone())))
            .collect();
        Ok(RemoteWrite {
            config: Arc::new(named),
            poster: Poster {
                client,
                url,
                headers: all_headers(config),
                version: config.version,
                refusals: refusals.unwrap_or_default(),
            },
        })
    }

    /// Translates a batch into requests.
    async fn prepare(&self, payload: &Payload, progress: &mut Progress) -> Result<(), ExportError> {
        let (config, payload) = (Arc::clone(&self.config), payload.clone());
        let prepared = tokio::task::spawn_blocking(move || {
            let request: ExportMetricsServiceRequest = otlp_text::decode(&payload)?;
            let translated = translate::translate(&config, &request);
            let bodies = encode::encode(&config, &translated).ok_or_else(|| {
                ExportError::permanent(
                    "a request is too large to be compressed; lower max_batch_size_bytes",
                )
            })?;
            Ok((bodies, translated.rejected, translated.remark))
        });
        let (bodies, rejected, remark) = prepared
            .await
            .unwrap_or_else(|_| Err(ExportError::permanent("the batch could not be translated")))?;
        progress.left = Some(bodies.into_iter().map(Some).collect());
        progress.accepted = ExportResponse {
            rejected,
            remark: remark.map(str::to_owned),
            ..ExportResponse::default()
        };
        Ok(())
    }

    async fn send(
        &self,
        payload: &Payload,
        progress: &mut Progress,
    ) -> Result<ExportResponse, ExportError> {
        if payload.signal != Signal::Metrics {
            return Err(ExportError::permanent(
                "prometheusremotewrite takes metrics only",
            ));
        }
        if progress.left.is_none() {
            self.prepare(payload, progress).await?;
        }
        let mut posting = JoinSet::new();
        let mut next = 0usize;
        let mut retry = None;
        loop {
            while retry.is_none() && posting.len() < self.config.max_batch_request_parallelism {
                let Some(body) = progress.body(next) else {
                    break;
                };
                if let Some(body) = body.clone() {
                    let (place, poster) = (next, self.poster.clone());
                    posting.spawn(async move { (place, poster.post(&body).await) });
                }
                next = next.saturating_add(1);
            }
            match posting.join_next().await {
                None => break,
                Some(Ok((place, result))) => retry = progress.note(place, result).or(retry),
                Some(Err(_)) => retry = Some(ExportError::retryable("posting did not finish")),
            }
        }
        match retry {
            Some(error) => Err(error),
            None => progress.result(),
        }
    }
}

impl Export for RemoteWrite {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        Box::pin(async move { self.send(payload, &mut Progress::default()).await })
    }

    fn go_on<'a>(&'a self, payload: &'a Payload, progress: &'a mut Progress) -> Attempt<'a> {
        Box::pin(self.send(payload, progress))
    }
}

impl Poster {
    /// Posts a request. Returns how many samples the backend reports as written, where the protocol asks for that.
    async fn post(&self, body: &WriteBody) -> Result<Option<u64>, ExportError> {
        let mut request = Request::new(Full::new(body.bytes.clone()));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        let start = Instant::now();
        let response = self.client.request(request).await.map_err(|error| {
            ExportError::retryable(self.refusals.unreachable(&chain(&error), start))
        })?;
        let (parts, body) = response.into_parts();
        if parts.status.is_success() {
            return Ok((self.version == RemoteWriteVersion::V2).then(|| written(&parts.headers)));
        }
        let body = Limited::new(body, MAX_RESPONSE).collect();
        let text = match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            _ => String::new(),
        };
        Err(failure(parts.status, &parts.headers, &text))
    }
}

/// The samples and histograms that a 2.0 receiver reports as written; 0 if it reports nothing.
fn written(headers: &HeaderMap) -> u64 {
    let names = [
        "x-prometheus-remote-write-samples-written",
        "x-prometheus-remote-write-histograms-written",
    ];
    let counts = names.iter().filter_map(|name| {
        let value = headers.get(*name)?.to_str().ok()?;
        value.trim().parse::<u64>().ok()
    });
    counts.fold(0, u64::saturating_add)
}

/// 5xx and 429 are worth another attempt
/// (<https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/#retries-on-write-errors>).
fn failure(status: StatusCode, headers: &HeaderMap, text: &str) -> ExportError {
    let text = match text.trim_start().starts_with('<') {
        // An HTML page is no use in a log.
        true => String::new(),
        false => quoted(text),
    };
    let hint = match status {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            "; it may not know this version of remote write, see `protobuf_message`"
        }
        _ => "",
    };
    let message = with_text(format!("the backend answered {status}{hint}"), &text);
    let failure = Failure {
        message,
        code: Some(grpc_code(status)),
    };
    match status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        true => ExportError::Retryable {
            failure,
            after: headers.get(RETRY_AFTER).and_then(retry_after),
        },
        false => ExportError::Permanent(failure),
    }
}

fn all_headers(config: &RemoteWriteConfig) -> HeaderMap {
    let mut all = HeaderMap::new();
    all.insert(
        USER_AGENT,
        HeaderValue::from_static(concat!("spanmill/", env!("CARGO_PKG_VERSION"))),
    );
    all.extend(headers(&config.client.headers));
    let (content_type, version) = match config.version {
        RemoteWriteVersion::V1 => ("application/x-protobuf", "0.1.0"),
        RemoteWriteVersion::V2 => (
            "application/x-protobuf;proto=io.prometheus.write.v2.Request",
            "2.0.0",
        ),
    };
    for (name, value) in [
        (CONTENT_TYPE, content_type),
        (CONTENT_ENCODING, "snappy"),
        (
            HeaderName::from_static("x-prometheus-remote-write-version"),
            version,
        ),
    ] {
        all.insert(name, HeaderValue::from_static(value));
    }
    all
}
