//! OTLP over gRPC: the bytes as they are, on one connection that is made when it is needed.

pub(crate) mod config;
mod message;

use std::error::Error as _;
use std::time::Instant;

use bytes::Bytes;
use http::HeaderMap;
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceResponse;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use tokio::net::TcpStream;
use tonic::client::Grpc;
use tonic::codec::CompressionEncoding;
use tonic::metadata::MetadataMap;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::build::{StartContext, tls_client};
use super::component::{ExporterComponent, ExporterConfig, Starting};
use super::headers::headers;
use super::{
    Attempt, BuildError, Export, ExportError, ExportResponse, Failure, Payload, Signal, quoted,
};
use crate::component::{ALL_SIGNALS, Alias, Component};
use crate::export::otlp_grpc::config::OtlpGrpcConfig;
use crate::export::settings::Compression;
use crate::receive::export_method;
use spanmill_manifest::{ComponentId, Diagnostics};
use spanmill_net::tls::{H2, Refusals, check_client};
use spanmill_net::{CONNECT_TIMEOUT, Connector, Gathered, RawCodec};
use std::sync::Arc;

use message::MessageChannel;

const WINDOW: u32 = 8 * 1024 * 1024;

pub(crate) static COMPONENT: ExporterComponent = Component {
    name: "otlp",
    aliases: &[
        Alias::new("otlp_grpc"),
        Alias::deprecated(
            "jaeger",
            "the jaeger exporter has been removed; OTLP is sent to its endpoint instead",
            "Jaeger takes OTLP at port 4317 since version 1.35: use an `otlp` exporter with that port",
        ),
    ],
    signals: ALL_SIGNALS,
    read: |section, out| Arc::new(config::read(section, out)),
};

impl ExporterConfig for OtlpGrpcConfig {
    fn partition_by(&self) -> &[String] {
        self.client.partition_by()
    }

    fn check(&self, id: &ComponentId, out: &mut Diagnostics) {
        if !self.client.tls.insecure {
            check_client(&format!("exporter {id}"), &self.client.tls, out);
        }
    }

    fn start<'a>(&'a self, id: &'a ComponentId, context: StartContext<'a>) -> Starting<'a> {
        Box::pin(async move {
            let export = OtlpGrpc::new(id, self)?;
            Ok(context.remote(id, export, &self.client, &self.uri))
        })
    }
}

pub(crate) struct OtlpGrpc {
    channel: Channel,
    compression: Compression,
    headers: HeaderMap,
    refusals: Refusals,
}

impl OtlpGrpc {
    pub fn new(id: &ComponentId, config: &OtlpGrpcConfig) -> Result<Self, BuildError> {
        let invalid = |cause: tonic::transport::Error| BuildError::Endpoint {
            exporter: id.clone(),
            cause: chain(&cause),
        };
        let endpoint = Endpoint::from_shared(config.uri.clone())
            .map_err(invalid)?
            .user_agent(concat!("spanmill/", env!("CARGO_PKG_VERSION")))
            .map_err(invalid)?
            .connect_timeout(CONNECT_TIMEOUT)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .tcp_nodelay(true);
        let tls = &config.client.tls;
        let tls = match tls.insecure {
            true => None,
            false => Some(tls_client(id, tls, &[H2])?),
        };
        let refusals = tls.as_ref().map(|tls| tls.refusals().clone());
        // TLS is the connector's, not tonic's.
        let connector = Connector::<Gathered<TcpStream>>::new(tls);
        Ok(Self {
            channel: endpoint.connect_with_connector_lazy(connector),
            compression: config.client.compression,
            headers: headers(&config.client.headers),
            refusals: refusals.unwrap_or_default(),
        })
    }

    async fn send(&self, payload: &Payload) -> Result<ExportResponse, ExportError> {
        // tonic copies a message to compress it or to put five bytes before it; the latter needs no copy.
        let (ready_made, message) = match self.compression {
            Compression::None => (Some(payload.bytes.clone()), Bytes::new()),
            _ => (None, payload.bytes.clone()),
        };
        let mut client = Grpc::new(MessageChannel::new(self.channel.clone(), ready_made));
        client = match self.compression {
            Compression::Gzip => client.send_compressed(CompressionEncoding::Gzip),
            Compression::Zstd => client.send_compressed(CompressionEncoding::Zstd),
            Compression::None => client,
        }
        .accept_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Zstd);
        let start = Instant::now();
        client.ready().await.map_err(|error| {
            ExportError::retryable(format!("cannot connect: {}", chain(&error)))
        })?;
        let mut request = Request::new(message);
        *request.metadata_mut() = MetadataMap::from_headers(self.headers.clone());
        let path = PathAndQuery::from_static(export_method(payload.signal));
        match client.unary(request, path, RawCodec).await {
            Ok(response) => Ok(accepted(payload.signal, response.get_ref())),
            Err(status) => Err(failure(&status, &self.refusals, start)),
        }
    }
}

impl Export for OtlpGrpc {
    fn export<'a>(&'a self, payload: &'a Payload) -> Attempt<'a> {
        Box::pin(self.send(payload))
    }
}

/// What a response says; one that cannot be read says that the batch was taken, by being there.
pub(super) fn accepted(signal: Signal, response: &[u8]) -> ExportResponse {
    let (rejected, remark) = match signal {
        Signal::Traces => ExportTraceServiceResponse::decode(response)
            .ok()
            .and_then(|response| response.partial_success)
            .map(|partial| (partial.rejected_spans, partial.error_message)),
        Signal::Logs => ExportLogsServiceResponse::decode(response)
            .ok()
            .and_then(|response| response.partial_success)
            .map(|partial| (partial.rejected_log_records, partial.error_message)),
        Signal::Metrics => ExportMetricsServiceResponse::decode(response)
            .ok()
            .and_then(|response| response.partial_success)
            .map(|partial| (partial.rejected_data_points, partial.error_message)),
    }
    .unwrap_or_default();
    ExportResponse {
        rejected: u64::try_from(rejected).unwrap_or(0),
        remark: (!remark.is_empty()).then(|| quoted(&remark)),
        ..ExportResponse::default()
    }
}

/// Which statuses are worth another attempt: <https://opentelemetry.io/docs/specs/otlp/#failures>.
fn failure(status: &Status, refusals: &Refusals, start: Instant) -> ExportError {
    let after = status
        .get_details_retry_info()
        .and_then(|info| info.retry_delay);
    let code = status.code();
    let retryable = match code {
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss => true,
        Code::ResourceExhausted => after.is_some(),
        // The connection broke: not the backend's word.
        Code::Unknown | Code::Internal => status.source().is_some(),
        _ => false,
    };
    let failure = match status.source() {
        // Our own side failed: its words are about the connection.
        Some(source) => Failure {
            message: refusals.unreachable(&chain(source), start),
            code: None,
        },
        None => Failure {
            message: with_text(format!("the backend answered {code:?}"), status.message()),
            code: Some(code),
        },
    };
    match retryable {
        true => ExportError::Retryable { failure, after },
        false => ExportError::Permanent(failure),
    }
}

/// What happened, with the backend's words if there are any.
pub(super) fn with_text(what: String, text: &str) -> String {
    match quoted(text) {
        text if text.is_empty() => what,
        text => format!("{what}: {text}"),
    }
}

/// An error and its causes, each said once.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        source = error.source();
    }
    text
}
